"""The whole export of one head's mesh: mesh, files, figures. What both command lines call once they hold a generator
and its planes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console

from gan3dinv_ns.export.files import write_mesh
from gan3dinv_ns.export.head import Head
from gan3dinv_ns.export.mesh import Mesh, mesh_from_head
from gan3dinv_ns.export.mrc import write_mrc
from gan3dinv_ns.export.output import prepare_folder, print_figures, stage_bars, unit_in_words, write_figures
from gan3dinv_ns.export.report import MeshReport, report_of
from gan3dinv_ns.export.settings import MeshSettings

FILE_STEM = "mesh"
_STAGES = ("density", "surface", "colours")
_WITH_TEXTURE = (*_STAGES, "texture")


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
    with stage_bars(console, _WITH_TEXTURE if settings.texture == "atlas" else _STAGES) as progress:
        mesh, grid = mesh_from_head(head, settings, progress)
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
    path = output_dir / f"{FILE_STEM}.json"
    write_figures(path, figures)
    print_figures(console, _rows(report, settings), [*written, path])
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


def _rows(report: MeshReport, settings: MeshSettings) -> dict[str, str]:
    x, y, z = report.size_cm
    rows = {
        "vertices, faces": f"{report.vertices:,}, {report.faces:,}",
        "watertight, manifold": f"{_yes(report.watertight)}, {_yes(report.manifold)}",
        "Euler number": str(report.euler_number),
        "volume": f"{report.volume_litres:.3g} litres",
        "density level": f"{report.density_level:.4g}",
        "size (x, y, z)": f"{x:.1f} x {y:.1f} x {z:.1f} cm",
        "unit in the files": unit_in_words(report.unit, report.metres_per_length),
    }
    if settings.texture == "atlas":
        rows["texture"] = f"{settings.texture_size} x {settings.texture_size} texels"
    if settings.printable:
        rows["printable"] = f"{_yes(report.printable)}, on a base of {report.base_area_cm2:.1f} cm2"
    return rows


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "NO"
