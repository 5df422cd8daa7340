"""The table of the held-out benchmark: one row for each head, as CSV, and what is said of all rows together."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan3dinv_ns.ops.atomic_files import atomic_path

NOVEL_YAWS_RAD = (0.2, 0.4, 0.6)
"""How far the novel views are turned from the found camera, to both sides."""

METRICS = (
    "psnr",
    "ms_ssim",
    "rotation_deg",
    "translation_box",
    *(f"novel_psnr_{yaw}" for yaw in NOVEL_YAWS_RAD),
    "depth_mae_box",
    "seconds",
)
"""Names of the figures: of the reconstruction (dB, 1), the camera (degrees, box units), the novel views (dB, mean of
both sides), the depth in the photo's view (box units), and the time of the inversion."""

_COLUMNS = ("name", "kind", *METRICS)


@dataclass(frozen=True)
class HeldoutRow:
    """Figures of one head.

    Attributes:
        name: of the head.
        kind: what kind of head it is, such as "in family" or "glasses".
        figures: a number for each of ``METRICS``.
    """

    name: str
    kind: str
    figures: dict[str, float]


def write_rows(path: Path, rows: Sequence[HeldoutRow]) -> None:
    """Writes a CSV file with a column for name, kind and each of ``METRICS``; numbers are kept exactly.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            writer.writerow([row.name, row.kind, *(repr(float(row.figures[metric])) for metric in METRICS)])


def read_rows(path: Path) -> list[HeldoutRow]:
    """Reads what :func:`write_rows` wrote.

    Raises:
        ValueError: the file has other columns, or something that is no number.
    """
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise ValueError(f"{path} does not have the columns {', '.join(_COLUMNS)}; choose another --output-dir")
    return [_row(path, number, line) for number, line in enumerate(lines[1:], start=2)]


def _row(path: Path, number: int, line: list[str]) -> HeldoutRow:
    try:
        name, kind, *values = line
        figures = {metric: float(value) for metric, value in zip(METRICS, values, strict=True)}
    except ValueError:
        figures = {}
    if not figures or not all(math.isfinite(value) for value in figures.values()):
        raise ValueError(f"{path}: line {number} is damaged; remove it, and its head is inverted again")
    return HeldoutRow(name, kind, figures)


def summarise(rows: Sequence[HeldoutRow]) -> dict[str, dict[str, float]]:
    """``mean``, ``median`` and ``p90`` (90th percentile, linear between neighbours) of each of ``METRICS``.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("there are no heads to summarise; give at least one.")
    summary = {}
    for metric in METRICS:
        values = np.array([row.figures[metric] for row in rows])
        figures = {"mean": values.mean(), "median": np.median(values), "p90": np.percentile(values, 90)}
        summary[metric] = {name: float(value) for name, value in figures.items()}
    return summary


def text_summary(rows: Sequence[HeldoutRow]) -> str:
    """Mean, median and p90 as aligned text with a line for each of ``METRICS``."""
    name, *numbers = zip(*_summary_cells(rows), strict=True)
    columns = [[f"{cell:<18}" for cell in name], *([f"{cell:>9}" for cell in column] for column in numbers)]
    return "\n".join("".join(line) for line in zip(*columns, strict=True))


def markdown_summary(rows: Sequence[HeldoutRow]) -> str:
    """Mean, median and p90 as a Markdown table with a line for each of ``METRICS``."""
    return _markdown(_summary_cells(rows))


def markdown_rows(rows: Sequence[HeldoutRow]) -> str:
    """All rows as a Markdown table."""
    cells = [[row.name, row.kind, *(_shown(metric, row.figures[metric]) for metric in METRICS)] for row in rows]
    return _markdown([_COLUMNS, *cells])


def _summary_cells(rows: Sequence[HeldoutRow]) -> list[list[str]]:
    lines = [["metric", "mean", "median", "p90"]]
    for metric, figures in summarise(rows).items():
        lines.append([metric, *(_shown(metric, value) for value in figures.values())])
    return lines


def _shown(metric: str, value: float) -> str:
    digits = {"ms_ssim": 4, "translation_box": 4, "depth_mae_box": 4, "seconds": 1}.get(metric, 2)
    return f"{value:.{digits}f}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    heading, *rows = (f"| {' | '.join(line)} |" for line in lines)
    rule = f"|{'|'.join([' --- '] * len(lines[0]))}|"
    return "\n".join([heading, rule, *rows])
