"""Everything that is made of an experiment's rows: tables, plots, pictures and numbers, in its folder."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from gan3dinv_ns.evaluation.comparison.csv_rows import write_csv
from gan3dinv_ns.evaluation.comparison.group import GroupSummary, summarise
from gan3dinv_ns.evaluation.comparison.page import Rows, ablation_tables, comparison_tables, report_page
from gan3dinv_ns.evaluation.comparison.plots import Plots
from gan3dinv_ns.evaluation.comparison.selection import Selection
from gan3dinv_ns.evaluation.comparison.sheet import (
    MOST_FAILURES,
    MOST_PHOTOS,
    MOST_STRIPS,
    Block,
    Line,
    sheet,
    worst_first,
)
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
from gan3dinv_ns.evaluation.comparison.table import LATEX_PACKAGES, Table, latex
from gan3dinv_ns.ops.atomic_files import atomic_path

_LATEX_HEAD = "% Read by \\input, with \\usepackage{" + ",".join(LATEX_PACKAGES) + "} before.\n"


def write_report(folder: ExperimentFolder, reference: str, worst_by: str | None = None) -> list[Path]:
    """Writes ``rows.csv``, ``summary.json``, ``report.md``, ``tables.tex``, plots and pictures; may be called at any
    time, and again.

    Args:
        folder: rows and pictures; methods may have different photos.
        reference: method that the others are tested against, and whose worst photos are shown first.
        worst_by: name of the metric that decides which photos are worst; None takes the first that the reference has.

    Returns:
        the files that were written.

    Raises:
        ValueError: the experiment has no such method or metric, or a row is damaged.
        FileWriteError: the disk is full or the place is not writable.
    """
    experiment = folder.experiment
    _check(folder, reference, worst_by)
    rows = {method: {row.photo: row for row in folder.rows(method)} for method in experiment.methods}
    selection = Selection.of({name: rows[name] for name, method in experiment.methods.items() if method.compared})
    ablation = Selection.of({name: rows[name] for name, method in experiment.methods.items() if method.marks})
    group = summarise(selection, experiment.metrics, reference, experiment.features)
    ablated = summarise(ablation, experiment.metrics, _whole_method(folder, reference), experiment.features)
    tables = comparison_tables(experiment, group)
    groups: list[tuple[str, GroupSummary, Sequence[Table]]] = [("Comparison", group, tables)]
    # The whole method alone is in the comparison already.
    parted = len(ablation.methods) > 1 or not selection.methods
    if parted and any(method.marks for method in experiment.methods.values()):
        groups.append(("Ablation", ablated, ablation_tables(experiment, ablated)))
    plots = Plots(experiment, selection, reference)
    pictures = {
        "boxes.png": plots.boxes(),
        "steps.png": plots.steps(),
        "edits.png": plots.edits(group.edits),
        "ablation-boxes.png": Plots(experiment, ablation, ablated.reference).boxes() if parted else None,
        "sheet.png": _sheet(folder, selection, reference, worst_by),
        "failures.png": _failures(folder, rows),
    }
    drawn = _write_pictures(folder.folder, pictures)
    write_csv(folder.folder / "rows.csv", (row for one in rows.values() for row in one.values()), experiment.metrics)
    texts = {
        "summary.json": _summary(folder, reference, rows, groups),
        "tables.tex": _LATEX_HEAD
        + "\n"
        + "\n\n".join(latex(one) for _, _, of_group in groups for one in of_group)
        + "\n",
        "report.md": report_page(experiment, rows, groups, [path.name for path in drawn]),
    }
    for name, text in texts.items():
        with atomic_path(folder.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [folder.folder / "rows.csv", *(folder.folder / name for name in texts), *drawn]


def _check(folder: ExperimentFolder, reference: str, worst_by: str | None) -> None:
    if reference not in folder.experiment.methods:
        there = ", ".join(folder.experiment.methods)
        raise ValueError(f"the experiment has no method {reference!r} to compare with; choose one of {there}")
    metrics = [metric.name for metric in folder.experiment.metrics]
    if worst_by is not None and worst_by not in metrics:
        raise ValueError(f"the experiment has no metric {worst_by!r}; choose one of {', '.join(metrics)}")


def _whole_method(folder: ExperimentFolder, reference: str) -> str:
    """What parts are switched off of: the reference if it has marks, else the method with all parts."""
    methods = folder.experiment.methods
    whole = [name for name, method in methods.items() if method.marks and all(method.marks.values())]
    return reference if methods[reference].marks or not whole else whole[0]


def _sheet(folder: ExperimentFolder, selection: Selection, reference: str, worst_by: str | None) -> bytes | None:
    if reference not in selection.methods or not selection.photos:
        return None
    measured = {name for row in selection.rows[reference] for name in row.figures}
    wanted = [one for one in folder.experiment.metrics if one.name in measured and worst_by in (None, one.name)]
    photos = worst_first(selection, wanted[0], reference) if wanted else list(selection.photos)
    blocks = []
    for photo in photos[: max(1, min(MOST_PHOTOS, MOST_STRIPS // len(selection.methods)))]:
        place = selection.photos.index(photo)
        lines = []
        for method, rows in selection.rows.items():
            figure = rows[place].figures.get(wanted[0].name) if wanted else None
            remark = "" if figure is None else f"{wanted[0].title} {wanted[0].shown(figure)} {wanted[0].unit}".strip()
            title = folder.experiment.methods[method].title
            lines.append(Line(title, remark, folder.picture_path(method, photo)))
        kind = selection.rows[reference][place].kind
        blocks.append(Block(f"{photo} ({kind})" if kind else photo, tuple(lines)))
    return _png(sheet(blocks))


def _failures(folder: ExperimentFolder, rows: Rows) -> bytes | None:
    failed = [row for of_method in rows.values() for row in of_method.values() if row.failed][:MOST_FAILURES]
    if not failed:
        return None
    blocks = []
    for row in failed:
        title = folder.experiment.methods[row.method].title
        line = Line(title, row.kind, folder.picture_path(row.method, row.photo))
        blocks.append(Block(f"{row.photo}: {row.error}", (line,)))
    return _png(sheet(blocks))


def _write_pictures(folder: Path, pictures: Mapping[str, bytes | None]) -> list[Path]:
    """Pictures that there is nothing to draw in any more are removed."""
    for name, content in pictures.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
            continue
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    return [folder / name for name, content in pictures.items() if content is not None]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _summary(
    folder: ExperimentFolder, reference: str, rows: Rows, groups: Sequence[tuple[str, GroupSummary, Sequence[Table]]]
) -> str:
    experiment = folder.experiment.to_json()
    methods = {
        name: {
            **experiment["methods"][name],
            "finished": sum(not row.failed for row in of_method.values()),
            "failed": {photo: row.error for photo, row in of_method.items() if row.failed},
        }
        for name, of_method in rows.items()
    }
    numbers = {heading.lower(): group.to_json() for heading, group, _ in groups}
    content = {**experiment, "methods": methods, "reference": reference, **numbers}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
