"""The whole export of one head as gaussians: surface, views, fit, file, figures. What both command lines call once they
hold a head."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from torch import Tensor

from gan3dinv_ns.export.head import Head
from gan3dinv_ns.export.mesh import StageProgress, mesh_from_head
from gan3dinv_ns.export.output import prepare_folder, print_figures, stage_bars, unit_in_words, write_figures
from gan3dinv_ns.export.settings import MeshSettings, SplatSettings
from gan3dinv_ns.export.splats.filling import fill_gaps
from gan3dinv_ns.export.splats.fitting import fit_gaussians
from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.measuring import Likeness, compare, comparison_picture
from gan3dinv_ns.export.splats.placing import gaussians_on_surface
from gan3dinv_ns.export.splats.ply import FACE_AXIS, UP_AXIS, write_ply
from gan3dinv_ns.export.splats.targets import (
    HELD_OUT_YAWS_RAD,
    Views,
    fitted_labels,
    held_out_labels,
    look_at_head,
)
from gan3dinv_ns.ops.image_files import write_image

FILE_STEM = "splat"
_STAGES = ("surface", "views", "fit")
_MESH_STAGES = ("density", "surface", "colours")
_MESH_RESOLUTION = 96
_ON_SURFACE = 0.8
"""Part of the gaussians that starts on the surface; the others may fill gaps."""


@dataclass(frozen=True)
class Splat:
    """What was found.

    Attributes:
        gaussians: in box units, y up.
        background: [3] in [0, 1], the generator's behind its heads.
        held_out: views that were not fitted.
        likeness: of the gaussians to those.
        fitted_views: how many were fitted.
        seconds: that it took.
    """

    gaussians: Gaussians
    background: Tensor
    held_out: Views
    likeness: Likeness
    fitted_views: int
    seconds: float


def splat_from_head(head: Head, settings: SplatSettings, progress: StageProgress | None = None) -> Splat:
    """Makes gaussians of a head.

    Args:
        head: on any device, where the fit is computed too.
        settings: see `SplatSettings`; its unit is for files.
        progress: told as the work goes on, with the stages "surface", "views", "fit".

    Raises:
        ValueError: a setting cannot be used, or there is no surface at the density level.
    """
    settings.check()
    tell: StageProgress = progress or (lambda stage, part: None)
    begin = time.monotonic()

    def surface(stage: str, part: float) -> None:
        tell("surface", (_MESH_STAGES.index(stage) + part) / len(_MESH_STAGES))

    how = MeshSettings(resolution=_MESH_RESOLUTION, density_level=settings.density_level)
    mesh, _ = mesh_from_head(head, how, surface)
    on_surface = round(_ON_SURFACE * settings.gaussians)
    start = gaussians_on_surface(mesh, on_surface).to(head.planes.device)
    views = look_at_head(head, fitted_labels(head), lambda part: tell("views", part))
    start = fill_gaps(start, views, settings.gaussians - on_surface)
    background = views.background()
    found = fit_gaussians(start, views, background, settings.steps, lambda part: tell("fit", part))
    held_out = look_at_head(head, held_out_labels(head))
    likeness = compare(found, held_out, background)
    return Splat(found, background, held_out, likeness, len(views.labels), time.monotonic() - begin)


def export_splat(head: Head, output_dir: Path, settings: SplatSettings, console: Console) -> Splat:
    """Makes gaussians of a head and writes `splat.ply`, `splat.json` with the figures, and `splat.png`, which compares.

    Args:
        head: see `Head`.
        output_dir: made if it is missing.
        settings: see `SplatSettings`.
        console: shows the progress, then the figures and paths.

    Raises:
        ValueError: a setting cannot be used, or there is no surface at the density level.
        FileWriteError: the disk is full or the place is not writable.
    """
    settings.check()
    prepare_folder(output_dir)
    with stage_bars(console, _STAGES) as progress:
        splat = splat_from_head(head, settings, progress)
    written = [output_dir / f"{FILE_STEM}.{kind}" for kind in ("ply", "png", "json")]
    write_ply(written[0], splat.gaussians.scaled(settings.scale))
    write_image(written[1], comparison_picture(splat.likeness, splat.held_out))
    write_figures(written[2], figures_of(splat, settings) | {"bytes": written[0].stat().st_size})
    print_figures(console, _rows(splat, settings), written)
    return splat


def figures_of(splat: Splat, settings: SplatSettings) -> dict[str, Any]:
    """The figures under their names, ready for JSON."""
    likeness = splat.likeness
    views = zip(HELD_OUT_YAWS_RAD, likeness.psnr_db, likeness.psnr_head_db, strict=True)
    return {
        "gaussians": len(splat.gaussians),
        "steps": settings.steps,
        "seconds": round(splat.seconds, 1),
        "fitted_views": splat.fitted_views,
        "held_out_views": [
            {"yaw_rad": yaw, "psnr_db": round(whole, 2), "psnr_head_db": None if head is None else round(head, 2)}
            for yaw, whole, head in views
        ],
        "background": [round(float(level), 4) for level in splat.background],
        "unit": settings.unit,
        "metres_per_length": settings.metres_per_unit / settings.scale,
        "up_axis": UP_AXIS,
        "face_axis": FACE_AXIS,
    }


def _rows(splat: Splat, settings: SplatSettings) -> dict[str, str]:
    likeness = splat.likeness
    views = zip(HELD_OUT_YAWS_RAD, likeness.psnr_db, likeness.psnr_head_db, strict=True)
    return {
        "gaussians": f"{len(splat.gaussians):,}",
        **{
            f"PSNR at yaw {yaw:g}": f"{whole:.1f} dB" + ("" if head is None else f", {head:.1f} dB in the head")
            for yaw, whole, head in views
        },
        "time": f"{splat.seconds:.0f} s",
        "unit in the file": unit_in_words(settings.unit, settings.metres_per_unit / settings.scale),
    }
