"""The whole export of one head: mesh, files, figures. What both command lines call once they hold a generator
and its planes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gan3dinv_ns.export.files import write_mesh
from gan3dinv_ns.export.head import Head
from gan3dinv_ns.export.mesh import Mesh, mesh_from_head
from gan3dinv_ns.export.mrc import write_mrc
from gan3dinv_ns.export.report import MeshReport, report_of
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.ops.atomic_files import atomic_path

FILE_STEM = "mesh"
_STAGES = ("density", "surface", "colours")
_WITH_TEXTURE = (*_STAGES, "texture")


def prepare_folder(output_dir: Path) -> None:
    """Makes `output_dir` and sees that it can be written to, before minutes of work.

    Raises:
        FileWriteError: it cannot be made or written to.
    """
    with atomic_path(output_dir / f"{FILE_STEM}.json.probe") as temporary:
        temporary.touch()
    (output_dir / f"{FILE_STEM}.json.probe").unlink(missing_ok=True)


def export_mesh(head: Head, output_dir: Path, settings: MeshSettings, console: Console) -> MeshReport:
    """Meshes a head and writes it to `output_dir`.

    Writes `mesh.ply`, `mesh.obj`, `mesh.glb` and so on as `settings.files` says, and `mesh.json` with the figures.

    Args:
        head: see `Head`.
        output_dir: made if it is missing.
        settings: see `MeshSettings`.
        console: shows the progress, then the figures and paths.

    Raises:
        ValueError: a setting cannot be used, or there is no surface at the density level.
        FileWriteError: the disk is full or the place is not writable.
    """
    settings.check()
    prepare_folder(output_dir)
    with _progress_bar(console) as bar:
        stages = _WITH_TEXTURE if settings.texture == "atlas" else _STAGES
        tasks = {stage: bar.add_task(stage, total=1.0) for stage in stages}
        mesh, grid = mesh_from_head(head, settings, lambda stage, part: bar.update(tasks[stage], completed=part))
    written = _write_files(mesh, grid, output_dir, settings, head.field().box_side)
    report = report_of(mesh)
    figures = report.as_dict() | {
        "texture_size": None if mesh.texture is None else settings.texture_size,
        "resolution": settings.resolution,
        "part": settings.part,
        "up_axis": "+y",
        "face_axis": "+z",
        "files": [file.name for file in written],
    }
    written.append(_write_figures(figures, output_dir))
    _print_report(report, settings, written, console)
    return report


def _write_files(mesh: Mesh, grid: np.ndarray, output_dir: Path, settings: MeshSettings, box_side: float) -> list[Path]:
    written = []
    for kind in settings.files:
        path = output_dir / f"{FILE_STEM}.{kind}"
        if kind == "mrc":
            write_mrc(path, grid[1:-1, 1:-1, 1:-1], f"raw density of an EG3D head, box side {box_side:g}")
            written.append(path)
        else:
            written += write_mesh(path, mesh)
    return written


def _write_figures(figures: dict[str, Any], output_dir: Path) -> Path:
    path = output_dir / f"{FILE_STEM}.json"
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return path


def _progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=console,
        transient=not console.is_terminal,
    )


def _print_report(report: MeshReport, settings: MeshSettings, written: list[Path], console: Console) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    x, y, z = report.size_cm
    rows = {
        "vertices, faces": f"{report.vertices:,}, {report.faces:,}",
        "watertight, manifold": f"{_yes(report.watertight)}, {_yes(report.manifold)}",
        "Euler number": str(report.euler_number),
        "volume": f"{report.volume_litres:.3g} litres",
        "density level": f"{report.density_level:.4g}",
        "size (x, y, z)": f"{x:.1f} x {y:.1f} x {z:.1f} cm",
        "unit in the files": "metres" if report.unit == "m" else f"box units of {report.metres_per_length:g} m",
    }
    if settings.texture == "atlas":
        rows["texture"] = f"{settings.texture_size} x {settings.texture_size} texels"
    if settings.printable:
        rows["printable"] = f"{_yes(report.printable)}, on a base of {report.base_area_cm2:.1f} cm2"
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    for path in written:
        console.print(f"wrote {path.resolve()}", soft_wrap=True, highlight=False)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "NO"
