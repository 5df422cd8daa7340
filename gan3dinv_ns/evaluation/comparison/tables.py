"""The tables of a report.

Ko et al. (2023), supplementary material: table 1a (change of attributes over the strengths of an edit), table 1b
(likeness of the person over the strengths), table 2 (reconstruction with parts of the method on and off).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gan3dinv_ns.evaluation.comparison.experiment import Experiment
from gan3dinv_ns.evaluation.comparison.group import FrechetSummary, GroupSummary, MetricSummary
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.paired_test import FEWEST_PHOTOS, LEVEL, PairedTest
from gan3dinv_ns.evaluation.comparison.table import Cell, Table, ranks
from gan3dinv_ns.evaluation.inception import FEW_PICTURES

_NOTHING = Cell("–")
_DISTANCE = Metric("frechet", "Fréchet distance", "", "lower", 2)
_FID = Metric("fid", "FID", "", "lower", 2)


class GroupTables:
    """Tables of one group of methods.

    Args:
        experiment: for titles and marks.
        group: its numbers.
        name: begins the names of the tables.
    """

    def __init__(self, experiment: Experiment, group: GroupSummary, name: str) -> None:
        self.experiment, self.group, self.name = experiment, group, name

    def means(self) -> Table:
        """The means of all metrics, a line for each method, and of how many photos they are."""
        title = f"Means of {_photos(len(self.group.photos))}"
        headings, columns, notes = self._metric_columns(self.group.metrics, len(self.group.photos))
        for metric, frechet in ((_DISTANCE, self.group.frechet), (_FID, self.group.fid)):
            if frechet is not None:
                headings.append(metric.heading)
                columns.append(_ranked(metric, frechet.distances))
                notes.append(_fid_note(frechet) if metric is _FID else _frechet_note(frechet))
        if self.group.reference is not None:
            told = f"* differs from {self._title(self.group.reference)} by more than noise, see the paired tests."
            notes.insert(0, told)
        return self._by_method("means", title, headings, columns, notes)

    def spreads(self) -> list[Table]:
        """The medians and the 90th percentiles of all metrics, a line for each method."""
        headings = [one.metric.heading for one in self.group.metrics]
        medians = [
            _ranked(one.metric, {m: spread.median for m, spread in one.spreads.items()}) for one in self.group.metrics
        ]
        highest = [
            _ranked(one.metric, {m: spread.p90 for m, spread in one.spreads.items()}) for one in self.group.metrics
        ]
        note = "90 % of the photos have a lower figure."
        return [
            self._by_method("medians", "Medians", headings, medians, []),
            self._by_method("p90", "90th percentiles", headings, highest, [note]),
        ]

    def tests(self) -> Table | None:
        """A line for each metric and method: its difference to the reference; None without a reference."""
        if self.group.reference is None:
            return None
        reference = self._title(self.group.reference)
        lines = []
        for one in self.group.metrics:
            for place, (method, test) in enumerate(one.tests.items()):
                heading = one.metric.heading if place == 0 else ""
                lines.append((Cell(heading), Cell(self._title(method)), *_test_cells(one.metric, test, reference)))
        headings = ("metric", "method", "verdict", "photos", "mean difference", "95 % interval", "p", "p, Holm")
        notes = (
            f"Difference: method − {reference}, of the same photos. Interval: percentile bootstrap of the mean over "
            f"photos. p: Wilcoxon's signed-rank test, corrected by Holm over the methods of a metric. A verdict needs "
            f"p, Holm below {LEVEL} and an interval without 0; fewer than {FEWEST_PHOTOS} photos are too few, and the "
            f"more methods are compared, the more photos it takes.",
        )
        return Table(f"{self.name}-tests", f"Paired tests against {reference}", headings, tuple(lines), notes, 3)

    def kinds(self) -> list[Table]:
        """The means of each kind of photo."""
        tables = []
        for number, (kind, (photos, metrics)) in enumerate(self.group.kinds.items(), start=1):
            headings, columns, notes = self._metric_columns(metrics, photos)
            title = f"Photos of the kind {kind or 'unknown'}: means of {_photos(photos)}"
            tables.append(self._by_method(f"kind-{number}", title, headings, columns, notes))
        return tables

    def ablation(self) -> Table:
        """Table 2: a line for each method, with its parts marked; the most complete methods come last."""
        means = self.means()
        marks = {method: self.experiment.methods[method].marks for method in self.group.methods}
        parts = list(dict.fromkeys(part for of_method in marks.values() for part in of_method))
        signs = {True: "✓", False: "✗", None: "–"}
        lines = [
            (line[0], *(Cell(signs[marks[method].get(part)]) for part in parts), *line[1:])
            for method, line in sorted(
                zip(self.group.methods, means.lines, strict=True), key=lambda pair: sum(marks[pair[0]].values())
            )
        ]
        headings = (means.headings[0], *parts, *means.headings[1:])
        title = f"Parts of the method on and off: means of {_photos(len(self.group.photos))}"
        return Table(f"{self.name}-means", title, headings, tuple(lines), means.notes, 1 + len(parts))

    def edit_changes(self) -> Table:
        """Table 1a: how much the edited attribute changes."""
        columns = [dict(edit.change) for edit in self.group.edits]
        cells = [{method: Cell(f"{value:+.3f}") for method, value in column.items()} for column in columns]
        units = {edit.edited: self.experiment.edit_unit(edit.edited) for edit in self.group.edits}
        note = "In standard deviations of the attribute."
        if self.experiment.edit_units:
            note = f"Units: {', '.join(f'{attribute} in {unit}' for attribute, unit in units.items())}."
        return self._by_strength(
            "edit-change", "Change of the edited attribute over the strength of the edit", cells, note
        )

    def edit_identities(self) -> Table:
        """Table 1b: how much of the person is left."""
        cosine = Metric("identity", "identity", "", "higher", 4)
        cells = [_ranked(cosine, edit.identity) for edit in self.group.edits]
        note = "Cosine between the vectors that stand for the person before and after; 1 is the same."
        return self._by_strength("edit-identity", "Likeness of the person over the strength of the edit", cells, note)

    def _metric_columns(
        self, metrics: Sequence[MetricSummary], photos: int
    ) -> tuple[list[str], list[dict[str, Cell]], list[str]]:
        """Headings, cells and notes of the means."""
        columns = []
        for one in metrics:
            ranked = _ranked(one.metric, {method: spread.mean for method, spread in one.spreads.items()})
            real = {method for method, test in one.tests.items() if test.is_real}
            columns.append({m: Cell(c.text + "*" * (m in real), c.rank) for m, c in ranked.items()})
        fewer = [f"{one.metric.title} ({one.photos})" for one in metrics if one.photos < photos]
        notes = [f"Known of fewer photos: {', '.join(fewer)}."] if fewer else []
        return [one.metric.heading for one in metrics], columns, notes

    def _by_method(
        self,
        name: str,
        title: str,
        headings: Sequence[str],
        columns: Sequence[Mapping[str, Cell]],
        notes: Sequence[str],
    ) -> Table:
        lines = tuple(
            (Cell(self._title(method)), *(column.get(method, _NOTHING) for column in columns))
            for method in self.group.methods
        )
        return Table(f"{self.name}-{name}", title, ("method", *headings), lines, tuple(notes))

    def _by_strength(self, name: str, title: str, cells: Sequence[Mapping[str, Cell]], note: str) -> Table:
        methods = [method for method in self.group.methods if any(method in column for column in cells)]
        lines, before = [], ""
        for edit, column in zip(self.group.edits, cells, strict=True):
            shown = "" if edit.edited == before else edit.edited
            before = edit.edited
            values = (column.get(method, _NOTHING) for method in methods)
            lines.append((Cell(shown), Cell(f"{edit.strength:g}"), *values))
        photos = sorted({edit.photos for edit in self.group.edits})
        counted = (
            f"Means of {_photos(photos[0])}." if len(photos) == 1 else f"Means of {photos[0]} to {photos[-1]} photos."
        )
        headings = ("attribute", "γ", *map(self._title, methods))
        return Table(f"{self.name}-{name}", title, headings, tuple(lines), (counted, note), 2)

    def _title(self, method: str) -> str:
        return self.experiment.methods[method].title


def _frechet_note(frechet: FrechetSummary) -> str:
    features = f"of the features {frechet.features}" if frechet.features else "of features without a name"
    return (
        f"Fréchet distance between all photos and all results, {_photos(frechet.photos)}, {features}: it can be "
        "compared only with figures of the same features and number of photos."
    )


def _fid_note(fid: FrechetSummary) -> str:
    told = f"FID between all photos and all results, {_photos(fid.photos)}, of the features {fid.features}."
    if fid.photos >= FEW_PICTURES:
        return told
    return (
        f"{told} Of fewer than {FEW_PICTURES} it is biased upwards and not reliable: only methods that are measured on "
        "the same photos can be compared by it."
    )


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def _ranked(metric: Metric, values: Mapping[str, float]) -> dict[str, Cell]:
    texts = {method: metric.shown(value) for method, value in values.items()}
    ranked = ranks(texts, metric.better == "higher")
    return {method: Cell(text, ranked[method]) for method, text in texts.items()}


def _test_cells(metric: Metric, test: PairedTest, reference: str) -> list[Cell]:
    difference = Cell(metric.shown(test.difference, sign=True))
    counted = Cell(str(test.photos))
    if test.p is None or test.p_holm is None or test.low is None or test.high is None:
        return [Cell("too few photos"), counted, difference, _NOTHING, _NOTHING, _NOTHING]
    verdict = "no difference shown" if test.photos >= test.fewest else "too few photos"
    if test.is_real:
        verdict = "better" if metric.is_better(test.difference, 0.0) else f"{reference} is better"
    interval = f"[{metric.shown(test.low, sign=True)}, {metric.shown(test.high, sign=True)}]"
    return [Cell(verdict), counted, difference, Cell(interval), Cell(shown_p(test.p)), Cell(shown_p(test.p_holm))]


def shown_p(p: float) -> str:
    """A p-value with two digits that matter."""
    return f"{p:.2g}" if p >= 0.001 else "<0.001"
