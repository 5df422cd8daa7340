"""All that is said of several methods and the photos that they have in common, as numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.paired_test import PairedTest, compare_with
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection
from gan3dinv_ns.evaluation.frechet import frechet_distance
from gan3dinv_ns.evaluation.half_vectors import unpacked
from gan3dinv_ns.evaluation.inception import INCEPTION

Vectors = Mapping[str, Sequence[float]] | Mapping[str, bytes]
"""Of a row's "photo" and "result", as they are kept."""


@dataclass(frozen=True)
class Spread:
    """Mean, median and 90th percentile (linear between neighbours) of a figure over photos."""

    mean: float
    median: float
    p90: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread:
        """Of values ``[N]``, N at least 1."""
        return cls(float(values.mean()), float(np.median(values)), float(np.percentile(values, 90)))


@dataclass(frozen=True)
class MetricSummary:
    """One metric.

    Attributes:
        metric: which one.
        photos: of how many photos the values are.
        spreads: by method; a method without the metric is missing.
        tests: against the reference, by method; empty if the reference is missing.
    """

    metric: Metric
    photos: int
    spreads: Mapping[str, Spread]
    tests: Mapping[str, PairedTest]


@dataclass(frozen=True)
class EditSummary:
    """One strength of one edit, in the mean of the photos of which all methods have it.

    Attributes:
        edited: name of the attribute.
        strength: in units of the edit.
        photos: how many.
        change: of the edited attribute, in its unit (``Experiment.edit_unit``), by method.
        identity: likeness of the person, by method; 1 is the same; empty if it is not known.
    """

    edited: str
    strength: float
    photos: int
    change: Mapping[str, float]
    identity: Mapping[str, float]


@dataclass(frozen=True)
class FrechetSummary:
    """Frechet distances between all photos and all results.

    Attributes:
        features: name of the features.
        photos: how many.
        distances: by method.
    """

    features: str
    photos: int
    distances: Mapping[str, float]


@dataclass(frozen=True)
class GroupSummary:
    """Methods that are compared with each other.

    Attributes:
        methods: that have finished any photo.
        reference: method that the others are tested against; None if it is not among them.
        photos: that all methods have finished.
        metrics: those that any method has.
        frechet: None without features of at least two photos.
        fid: the same of Inception's features.
        kinds: number of photos and metrics of each kind of photo; empty if all are of one kind.
        edits: empty without edits.
    """

    methods: tuple[str, ...]
    reference: str | None
    photos: tuple[str, ...]
    metrics: tuple[MetricSummary, ...]
    frechet: FrechetSummary | None
    fid: FrechetSummary | None
    kinds: Mapping[str, tuple[int, tuple[MetricSummary, ...]]]
    edits: tuple[EditSummary, ...]

    def to_json(self) -> dict[str, object]:
        """Plain data: metrics by name, everything else under the attributes' names."""
        kinds = {
            kind: {"photos": photos, "metrics": _metrics_json(metrics)}
            for kind, (photos, metrics) in self.kinds.items()
        }
        return {
            "methods": list(self.methods),
            "reference": self.reference,
            "photos": list(self.photos),
            "metrics": _metrics_json(self.metrics),
            "frechet": None if self.frechet is None else asdict(self.frechet),
            "fid": None if self.fid is None else asdict(self.fid),
            "kinds": kinds,
            "edits": [asdict(edit) for edit in self.edits],
        }


def summarise(
    selection: Selection, metrics: Sequence[Metric], reference: str | None, features: str = ""
) -> GroupSummary:
    """Numbers of a selection.

    Args:
        selection: methods and photos.
        metrics: to be looked for, in the order of the tables.
        reference: method that the others are tested against.
        features: name of the features of the Frechet distance.

    Raises:
        ValueError: features of one method have different lengths.
    """
    reference = reference if reference in selection.methods else None
    kinds = selection.kinds if len(selection.kinds) > 1 else {}
    return GroupSummary(
        selection.methods,
        reference,
        selection.photos,
        _metrics(selection, metrics, reference),
        _frechet(selection, features, lambda row: row.features),
        _frechet(selection, INCEPTION, lambda row: row.inception),
        # No tests of single kinds: so many of them would find differences by chance.
        {kind: (photos, _metrics(selection.of_kind(kind), metrics, None)) for kind, photos in kinds.items()},
        _edits(selection),
    )


def _metrics(selection: Selection, metrics: Sequence[Metric], reference: str | None) -> tuple[MetricSummary, ...]:
    found = []
    for metric in metrics:
        values = selection.values(metric.name)
        if not values:
            continue
        tests: dict[str, PairedTest] = {}
        if reference in values:
            others = {method: one for method, one in values.items() if method != reference}
            tests = compare_with(values[reference], others)
        spreads = {method: Spread.of(one) for method, one in values.items()}
        found.append(MetricSummary(metric, len(next(iter(values.values()))), spreads, tests))
    return tuple(found)


def _frechet(selection: Selection, name: str, kept: Callable[[Row], Vectors]) -> FrechetSummary | None:
    """Of the vectors that are kept in rows."""
    having = {
        method: {photo for photo, row in zip(selection.photos, rows, strict=True) if kept(row)}
        for method, rows in selection.rows.items()
    }
    having = {method: photos for method, photos in having.items() if photos}
    shared = set.intersection(*having.values()) if having else set()
    if len(shared) < 2:
        return None
    distances = {}
    for method in having:
        rows = [kept(row) for row in selection.rows[method] if row.photo in shared]
        columns = {one: [_numbers(row[one]) for row in rows] for one in ("photo", "result")}
        lengths = {len(vector) for column in columns.values() for vector in column}
        if len(lengths) > 1:
            raise ValueError(f"features of method {method!r} have lengths {sorted(lengths)}; remove its rows")
        # Columns of float64 arrays: torch would take a list of arrays number by number.
        sets = [torch.from_numpy(np.stack(column)) for column in columns.values()]
        distances[method] = frechet_distance(*sets)
    return FrechetSummary(name, len(shared), distances)


def _numbers(vector: Sequence[float] | bytes) -> np.ndarray:
    return unpacked(vector) if isinstance(vector, bytes) else np.asarray(vector)


def _edits(selection: Selection) -> tuple[EditSummary, ...]:
    tables = {
        method: [{(edit.edited, edit.strength): edit for edit in row.edits} for row in rows]
        for method, rows in selection.rows.items()
        if any(row.edits for row in rows)
    }
    found = []
    names = dict.fromkeys(key for of_method in tables.values() for table in of_method for key in table)
    order = list(dict.fromkeys(edited for edited, _ in names))
    for key in sorted(names, key=lambda name: (order.index(name[0]), name[1])):
        together = [photo for photo in zip(*tables.values(), strict=True) if all(key in table for table in photo)]
        if together:
            columns = dict(zip(tables, zip(*together, strict=True), strict=True))
            edits = {method: [table[key] for table in of_method] for method, of_method in columns.items()}
            change = {method: statistics.fmean(edit.change[key[0]] for edit in one) for method, one in edits.items()}
            known = {
                method: [edit.identity for edit in one if edit.identity is not None] for method, one in edits.items()
            }
            identity = {method: statistics.fmean(values) for method, values in known.items() if values}
            found.append(EditSummary(*key, len(together), change, identity))
    return tuple(found)


def _metrics_json(metrics: Sequence[MetricSummary]) -> dict[str, object]:
    return {
        one.metric.name: {
            "photos": one.photos,
            "methods": {
                method: {**asdict(spread), "test": asdict(one.tests[method]) if method in one.tests else None}
                for method, spread in one.spreads.items()
            },
        }
        for one in metrics
    }
