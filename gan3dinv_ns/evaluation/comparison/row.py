"""One photo, inverted by one method: what was measured of it."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan3dinv_ns.evaluation.edit_table import EditRow
from gan3dinv_ns.evaluation.half_vectors import unpacked


@dataclass(frozen=True)
class Row:
    """What is kept of one method and photo.

    Sequences of numbers are kept compactly, as ``array("d")``: a report holds all rows in memory.

    Attributes:
        method: name of the method.
        photo: name of the photo, its own among all photos.
        kind: of photo, such as "in family" or "glasses"; "" if it is not known.
        figures: values of metrics by name, only those that could be measured.
        curves: "step", and figures by name over these steps; may be empty.
        edits: see :mod:`gan3dinv_ns.evaluation.edit_table`; may be empty.
        features: "photo" and "result", the vectors for the Frechet distance; may be empty.
        inception: "photo" and "result", the vectors for FID in half precision
            (:mod:`~gan3dinv_ns.evaluation.half_vectors`); may be empty.
        error: "", or one line that says why this method failed with this photo.

    Raises:
        ValueError: a number is not finite, a curve has not as many values as steps, or a vector of two is missing.
    """

    method: str
    photo: str
    kind: str
    figures: Mapping[str, float]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    edits: tuple[EditRow, ...] = ()
    features: Mapping[str, Sequence[float]] = field(default_factory=dict)
    inception: Mapping[str, bytes] = field(default_factory=dict)
    error: str = ""

    def __post_init__(self) -> None:
        for name in ("curves", "features"):
            compact = {key: array("d", values) for key, values in getattr(self, name).items()}
            object.__setattr__(self, name, compact)
        object.__setattr__(self, "figures", {key: float(value) for key, value in self.figures.items()})
        object.__setattr__(self, "error", " ".join(self.error.split()))
        self._check_numbers()
        self._check_shapes()

    @property
    def failed(self) -> bool:
        """Whether the method failed with this photo."""
        return bool(self.error)

    @property
    def where(self) -> str:
        """Photo and method, for messages."""
        return f"photo {self.photo!r} with method {self.method!r}"

    def to_json(self) -> dict[str, Any]:
        """Plain data under the attributes' names."""
        return {
            **vars(self),
            "curves": {name: list(values) for name, values in self.curves.items()},
            "edits": [edit.to_json() for edit in self.edits],
            "features": {name: list(values) for name, values in self.features.items()},
            "inception": {name: base64.b64encode(values).decode() for name, values in self.inception.items()},
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Row:
        """What :meth:`to_json` gave.

        Raises:
            ValueError, TypeError, KeyError: it is something else.
        """
        edits = tuple(EditRow(**edit) for edit in content["edits"])
        # Rows from before FID have none.
        vectors = {name: base64.b64decode(text, validate=True) for name, text in content.get("inception", {}).items()}
        row = cls(**{**content, "edits": edits, "inception": vectors})
        if not all(isinstance(text, str) and text for text in (row.method, row.photo)):
            raise ValueError("method and photo must be names")
        return row

    def _check_numbers(self) -> None:
        numbers = [(name, [value]) for name, value in self.figures.items()]
        vectors = [(f"Inception's {name}", unpacked(content)) for name, content in self.inception.items()]
        for name, values in [*numbers, *self.curves.items(), *self.features.items(), *vectors]:
            if isinstance(values, np.ndarray) and np.isfinite(values).all():
                continue
            wrong = next((value for value in values if not math.isfinite(value)), None)
            if wrong is not None:
                raise ValueError(f"{self.where}: {name} is {wrong}; leave out what cannot be measured")

    def _check_shapes(self) -> None:
        steps = len(self.curves.get("step", ()))
        for name, values in self.curves.items():
            if len(values) != steps:
                raise ValueError(f"{self.where}: curve {name!r} has {len(values)} values for {steps} steps")
        for vectors in (self.features, self.inception):
            if vectors and set(vectors) != {"photo", "result"}:
                raise ValueError(f"{self.where}: features of {', '.join(vectors)}; give photo and result")
