"""What edits of an inverted head change, read by the networks that are given, else by the generator's own reader.

Given networks expect the crop of a face. Where it is is looked for in the views before any edit, and holds for all
strengths, so that a detector's whims are no change of the face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.editing.named_directions import find_directions
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.evaluation import age_estimator, smile_estimator
from gan3dinv_ns.evaluation.age_estimator import AgeEstimator, load_age_estimator
from gan3dinv_ns.evaluation.edit_table import EditRow, Reader, measure_edit
from gan3dinv_ns.evaluation.ffhq_crop import ffhq_crop
from gan3dinv_ns.evaluation.identity_network import IdentityNetwork, aligned, load_identity_network
from gan3dinv_ns.evaluation.smile_estimator import SmileEstimator, load_smile_estimator
from gan3dinv_ns.experiments.edited_views import edited_views, spread_of_drawn_heads
from gan3dinv_ns.experiments.face_reader import FaceReader
from gan3dinv_ns.experiments.given_networks import GivenNetworks
from gan3dinv_ns.inversion.head_file import FoundHead
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.photo import Face, find_faces

EDITED = ("age", "smile")
"""The attributes of Ko et al.'s table 1."""

_SIDES = {"age": age_estimator.SIDE, "smile": smile_estimator.SIDE}
_UNITS = {"age": AgeEstimator.unit, "smile": SmileEstimator.unit}


def edit_units(networks: GivenNetworks) -> dict[str, str]:
    """Units of the changes that given estimators read, by attribute; all others are in standard deviations."""
    return {name: _UNITS[name] for name in EDITED if getattr(networks, f"{name}_estimator") is not None}


def missing_edits(generator: Generator, source: str, networks: GivenNetworks) -> dict[str, str]:
    """What cannot be measured of edits, each with the reason: "edits" as a whole, or "edits of age", "edits of smile",
    "identity of edits".

    Args:
        generator, source: the generator and what it was loaded from.
        networks: that are given.
    """
    named = find_directions(generator)
    if named is None:
        return {"edits": "the generator has no named directions; see gan3dinv heads directions"}
    try:
        FaceReader.of(source)
        unread = ""
    except ValueError as error:
        unread = str(error).splitlines()[0]
    reasons = {}
    for name in EDITED:
        if name not in named.directions:
            reasons[f"edits of {name}"] = "the generator has no direction of this name"
        elif unread and getattr(networks, f"{name}_estimator") is None:
            reasons[f"edits of {name}"] = f"{unread}, or give --{name}-estimator"
    if len(reasons) == len(EDITED):
        return {"edits": next(iter(reasons.values()))}
    if unread and networks.identity_network is None:
        reasons["identity of edits"] = f"{unread}, or give --identity-network"
    return reasons


@dataclass(frozen=True)
class EditReading:
    """Measures the edits of heads.

    Attributes:
        edited: attributes whose edits are measured.
        reader: the generator's own; None takes given networks alone.
        estimators: given ones by attribute, from FFHQ crops to values.
        identity: of the person; None takes the reader's vectors.
        spread: units of the values, see :func:`~gan3dinv_ns.evaluation.edit_table.measure_edit`.
        device: of the given networks.
    """

    edited: tuple[str, ...]
    reader: FaceReader | None
    estimators: Mapping[str, AgeEstimator | SmileEstimator]
    identity: IdentityNetwork | None
    spread: Mapping[str, float]
    device: torch.device

    @classmethod
    def of(cls, generator: Generator, source: str, networks: GivenNetworks, device: torch.device) -> EditReading:
        """That of a generator's heads.

        Args:
            generator, source: the generator and what it was loaded from.
            networks: that are given.
            device: where they go; the generator's own reader is on the CPU.

        Raises:
            ValueError: no edit can be measured, see :func:`missing_edits`, or a given file cannot be used.
        """
        missing = missing_edits(generator, source, networks)
        if "edits" in missing:
            raise ValueError(missing["edits"])
        estimators: dict[str, AgeEstimator | SmileEstimator] = {}
        if networks.age_estimator is not None:
            estimators["age"] = load_age_estimator(networks.age_estimator, device)
        if networks.smile_estimator is not None:
            estimators["smile"] = load_smile_estimator(networks.smile_estimator, device)
        path = networks.identity_network
        identity = None if path is None else load_identity_network(path, device)
        reader = FaceReader.of(source) if FaceReader.is_there(source) else None
        spread = ({} if reader is None else spread_of_drawn_heads()) | dict.fromkeys(estimators, 1.0)
        edited = tuple(name for name in EDITED if f"edits of {name}" not in missing)
        return cls(edited, reader, estimators, identity, spread, device)

    @torch.no_grad()
    def __call__(self, inversion: Inversion) -> tuple[EditRow, ...]:
        """Rows of all edits of a finished inversion; none where a network is given and no view shows a face."""
        label, latent, pivot = inversion.label.detach(), inversion.latent.detach(), inversion.pivot.detach()
        head = FoundHead(inversion.generator, pivot, latent, label, inversion.planes())
        named = find_directions(inversion.generator)
        assert named is not None
        rows: list[EditRow] = []
        for name in self.edited:
            seen = edited_views(head, named.directions[name])
            read = self.reader_of(seen[0.0]["image"].clamp(-1, 1))
            if read is not None:
                rows += measure_edit(name, seen.__getitem__, read, self.spread)
        return tuple(rows)

    def reader_of(self, views: Tensor) -> Reader | None:
        """The reader of one head; None where a network is given and no view shows a face.

        Args:
            views: ``[V, 3, R, R]`` in [-1, 1], before any edit.
        """
        if not self.estimators and self.identity is None:
            return self.reader
        found = [find_faces(view) for view in views.float().cpu().split(1)]
        faces = [of_view[0] if of_view else None for of_view in found]
        return None if not any(faces) else lambda pictures: self._read(pictures, faces)

    def _read(self, pictures: Tensor, faces: Sequence[Face | None]) -> tuple[dict[str, Tensor], Tensor | None]:
        values: dict[str, Tensor] = {}
        persons: Tensor | None = None
        if self.reader is not None:
            values, persons = self.reader(pictures)
        shown = [
            (view.to(self.device), face)
            for view, face in zip(pictures.split(1), faces, strict=True)
            if face is not None
        ]
        for name, estimator in self.estimators.items():
            values[name] = estimator(torch.cat([ffhq_crop(view, face, _SIDES[name]) for view, face in shown])).cpu()
        if self.identity is not None:
            persons = self.identity(torch.cat([aligned(view, face) for view, face in shown])).cpu()
        return values, persons
