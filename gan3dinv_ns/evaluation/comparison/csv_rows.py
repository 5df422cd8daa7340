"""All rows as CSV: one line for each method and photo, one column for each metric."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.ops.atomic_files import atomic_path


def write_csv(path: Path, rows: Iterable[Row], metrics: Iterable[Metric]) -> None:
    """Writes the rows; numbers are kept exactly, and what was not measured is empty.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    names = [metric.name for metric in metrics]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["method", "photo", "kind", "error", *names])
        for row in rows:
            numbers = [repr(row.figures[name]) if name in row.figures else "" for name in names]
            writer.writerow([row.method, row.photo, row.kind, row.error, *numbers])
