"""The page to read: all tables, plots and pictures, and what has to be known with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gan3dinv_ns.evaluation.comparison.experiment import Experiment, told_settings
from gan3dinv_ns.evaluation.comparison.group import GroupSummary
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.table import Table, escaped_markdown, markdown
from gan3dinv_ns.evaluation.comparison.tables import GroupTables

Rows = Mapping[str, Mapping[str, Row]]
"""All rows by method and photo, failed ones too."""

_PICTURES = {
    "boxes.png": "Figures over the photos: quartiles, median, mean (diamond), whiskers of 1.5 times the box",
    "steps.png": "Figures over the steps: mean, and band between the quartiles, over the photos",
    "edits.png": "Edits over their strength",
    "ablation-boxes.png": "Figures of the ablation over the photos",
    "sheet.png": "Photos, from the worst",
    "failures.png": "Photos that failed",
}


def comparison_tables(experiment: Experiment, group: GroupSummary) -> list[Table]:
    """Tables of the compared methods; none without a photo that all of them finished."""
    if not group.photos:
        return []
    tables = GroupTables(experiment, group, "comparison")
    chosen = [tables.means(), *tables.spreads(), tables.tests(), *tables.kinds()]
    if group.edits:
        chosen.append(tables.edit_changes())
    if any(edit.identity for edit in group.edits):
        chosen.append(tables.edit_identities())
    return [table for table in chosen if table is not None and table.lines]


def ablation_tables(experiment: Experiment, group: GroupSummary) -> list[Table]:
    """Tables of the methods with marks; none without a photo that all of them finished."""
    if not group.photos:
        return []
    tables = GroupTables(experiment, group, "ablation")
    return [table for table in (tables.ablation(), tables.tests()) if table is not None and table.lines]


def report_page(
    experiment: Experiment,
    rows: Rows,
    groups: Sequence[tuple[str, GroupSummary, Sequence[Table]]],
    pictures: Sequence[str],
) -> str:
    """The report as Markdown.

    Args:
        experiment: what was compared.
        rows: all of them.
        groups: a heading, numbers and tables of each group of methods.
        pictures: names of the files that were drawn, beside the report.
    """
    parts = [
        "# Comparison of inversion methods",
        _origin(experiment),
        "## Photos and methods",
        *_counts(experiment, rows),
    ]
    parts += _failures(experiment, rows)
    if experiment.left_out:
        reasons = [f"- {escaped_markdown(f'{title}: {why}')}" for title, why in experiment.left_out.items()]
        parts += ["## Metrics that were left out", "\n".join(reasons)]
    for heading, group, tables in groups:
        parts += [f"## {heading}", _selection(experiment, group), *map(markdown, tables)]
    drawn = [f"![{told}]({name})\n\n{told}." for name, told in _PICTURES.items() if name in pictures]
    if drawn:
        parts += ["## Plots and pictures", *drawn]
    parts += ["## Settings", *_settings(experiment)]
    return "\n\n".join(parts) + "\n"


def _origin(experiment: Experiment) -> str:
    lines = [
        f"- {name}: {escaped_markdown(_told(content))}"
        for name, content in (("dataset", experiment.dataset), ("generator", experiment.generator))
    ]
    return "\n".join(lines)


def _told(content: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told_settings(content).items())


def _counts(experiment: Experiment, rows: Rows) -> list[str]:
    lines = ["| method | finished | failed |", "| --- | ---: | ---: |"]
    for name, method in experiment.methods.items():
        failed = sum(row.failed for row in rows[name].values())
        lines.append(f"| {escaped_markdown(method.title)} | {len(rows[name]) - failed} | {failed} |")
    return ["\n".join(lines)]


def _failures(experiment: Experiment, rows: Rows) -> list[str]:
    failed = [row for of_method in rows.values() for row in of_method.values() if row.failed]
    lines = [
        f"- {escaped_markdown(f'{row.photo}, {experiment.methods[row.method].title}: {row.error}')}" for row in failed
    ]
    return ["## Photos that failed", "\n".join(lines)] if failed else []


def _selection(experiment: Experiment, group: GroupSummary) -> str:
    titles = ", ".join(escaped_markdown(experiment.methods[method].title) for method in group.methods)
    if not group.methods:
        return "No method has finished a photo."
    if not group.photos:
        return f"No photo was finished by all of: {titles}. There is nothing to compare yet."
    count = "The 1 photo" if len(group.photos) == 1 else f"The {len(group.photos)} photos"
    verb = "is" if len(group.photos) == 1 else "are"
    return f"{count} that all of these methods have finished {verb} compared: {titles}."


def _settings(experiment: Experiment) -> list[str]:
    parts = []
    for method in experiment.methods.values():
        lines = [f"- {escaped_markdown(f'{name}: {value}')}" for name, value in told_settings(method.settings).items()]
        parts.append(f"### {escaped_markdown(method.title)}\n\n" + ("\n".join(lines) or "None."))
    return parts
