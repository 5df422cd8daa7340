"""What every export shares: its folder, its bars, its figures as a file and on the console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gan3dinv_ns.export.mesh import StageProgress
from gan3dinv_ns.ops.atomic_files import atomic_path


def prepare_folder(output_dir: Path) -> None:
    """Makes `output_dir` and sees that it can be written to, before minutes of work.

    Raises:
        FileWriteError: it cannot be made or written to.
    """
    probe = output_dir / "export.probe"
    with atomic_path(probe) as temporary:
        temporary.touch()
    probe.unlink(missing_ok=True)


@contextmanager
def stage_bars(console: Console, stages: tuple[str, ...]) -> Iterator[StageProgress]:
    """Shows a bar for each stage; gives the function that moves them."""
    with Progress(
        TextColumn("{task.description:8}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=console,
        transient=not console.is_terminal,
    ) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0) for stage in stages}

        def tell(stage: str, part: float) -> None:
            bars.update(tasks[stage], completed=part)

        yield tell


def write_figures(path: Path, figures: dict[str, Any]) -> None:
    """Writes figures as JSON, whole or not at all.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def print_figures(console: Console, rows: dict[str, str], written: list[Path]) -> None:
    """Prints figures by name, then where the files are."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    for path in written:
        console.print(f"wrote {path.resolve()}", soft_wrap=True, highlight=False)


def unit_in_words(unit: str, metres_per_length: float) -> str:
    """The unit of the lengths in the files, for people."""
    return "metres" if unit == "m" else f"box units of {metres_per_length:g} m"
