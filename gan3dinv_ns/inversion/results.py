"""Files of a finished inversion: pictures, camera, latent and figures. Each is written whole or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.views import orbit_labels
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import pixels_of, write_image

NOVEL_YAWS_RAD = (-0.5, 0.0, 0.5)
"""Yaws of the three novel views in the comparison; 0 looks at the face from the front."""

_CAPTION_HEIGHT = 20
_SMALLEST_TILE = 192
_DEPTH_COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def write_results(
    inversion: Inversion,
    folder: str | Path,
    figures: Mapping[str, float] | None = None,
    rendered: dict[str, Tensor] | None = None,
) -> dict[str, float]:
    """Write ``reconstruction.png``, ``comparison.png``, ``camera.json``, ``latent.npz`` and ``metrics.json``.

    Args:
        inversion: in its final state.
        folder: made if it is missing.
        figures: further numbers for ``metrics.json``, for example seconds; those that are not finite are left out.
        rendered: the view of the found camera, as from ``inversion.render``; None renders it.

    Returns:
        what ``metrics.json`` holds: "psnr" in dB, "perceptual", "yaw_rad", "pitch_rad" and the given figures.

    Raises:
        FileWriteError: the disk is full, or the folder cannot be written to; what stood there is untouched.
    """
    folder = Path(folder)
    if rendered is None:
        rendered = inversion.render(inversion.label.detach())
    metrics = measure(inversion, rendered)
    metrics.update({key: float(value) for key, value in (figures or {}).items() if math.isfinite(value)})
    write_image(folder / "reconstruction.png", rendered["image"])
    with atomic_path(folder / "comparison.png") as path:
        comparison(inversion, rendered).save(path)
    _write_json(folder / "camera.json", camera_record(inversion))
    with atomic_path(folder / "latent.npz") as path:
        np.savez(path, w=_numpy(inversion.w[0, 0]), ws=_numpy(inversion.latent[0]))
    _write_json(folder / "metrics.json", metrics)
    return metrics


@torch.no_grad()
def measure(inversion: Inversion, rendered: dict[str, Tensor] | None = None) -> dict[str, float]:
    """Figures of the current reconstruction: "psnr" in dB, "perceptual", "yaw_rad", "pitch_rad"; all finite."""
    if rendered is None:
        rendered = inversion.render(inversion.label.detach())
    error = (rendered["image"].clamp(-1, 1) - inversion.target.photo).square().mean()
    yaw, pitch = inversion.pose.yaw_pitch()
    return {
        "psnr": 10.0 * math.log10(4.0 / max(float(error), 1e-12)),
        "perceptual": float(inversion.target.distance(rendered)),
        "yaw_rad": yaw,
        "pitch_rad": pitch,
    }


def camera_record(inversion: Inversion) -> dict[str, object]:
    """The camera as plain data: "label" (25 numbers), angles in radians, lengths in box units."""
    yaw, pitch = inversion.pose.yaw_pitch()
    return {
        "label": [float(number) for number in inversion.label[0].detach()],
        "yaw_rad": yaw,
        "pitch_rad": pitch,
        "translation_box": [float(number) for number in inversion.pose.translation[0].detach()],
        "radius_box": float(inversion.pose.radius),
    }


def comparison(inversion: Inversion, rendered: dict[str, Tensor]) -> Image.Image:
    """Photo, reconstruction, depth and three novel views side by side, each with a caption."""
    yaws = torch.tensor(NOVEL_YAWS_RAD)
    labels = orbit_labels(yaws, torch.zeros_like(yaws), inversion.settings.pose.focal, float(inversion.pose.radius))
    tiles = [
        ("photo", _picture(inversion.target.photo)),
        ("reconstruction", _picture(rendered["image"])),
        ("depth", _depth_picture(rendered["image_depth"], rendered["image_weights"])),
    ]
    for yaw, view in zip(NOVEL_YAWS_RAD, inversion.novel_view(labels).split(1), strict=True):
        tiles.append((f"yaw {math.degrees(yaw):+.0f} deg", _picture(view)))
    side = max(_SMALLEST_TILE, inversion.generator.img_resolution)
    sheet = Image.new("RGB", (side * len(tiles), side + _CAPTION_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (caption, tile) in enumerate(tiles):
        sheet.paste(tile.resize((side, side), Image.Resampling.BICUBIC), (index * side, _CAPTION_HEIGHT))
        draw.text((index * side + 6, 4), caption, fill="black")
    return sheet


def _picture(image: Tensor) -> Image.Image:
    return Image.fromarray(pixels_of(image))


def _depth_picture(depth: Tensor, weights: Tensor) -> Image.Image:
    """Near is bright, far is dark, what is not solid is white."""
    near, solid = -_numpy(depth[0, 0]), _numpy(weights[0, 0]) > 0.5
    low, high = np.percentile(near[solid], (2, 98)) if solid.any() else (0.0, 1.0)
    level = np.clip((near - low) / max(high - low, 1e-6), 0, 1) * (len(_DEPTH_COLOURS) - 1)
    stops = np.arange(len(_DEPTH_COLOURS))
    channels = [np.interp(level, stops, [colour[i] for colour in _DEPTH_COLOURS]) for i in range(3)]
    coloured = np.stack(channels, axis=-1)
    coloured[~solid] = 255
    return Image.fromarray(coloured.round().astype(np.uint8))


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()


def _write_json(path: Path, content: object) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
