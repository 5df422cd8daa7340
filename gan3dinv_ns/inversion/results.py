"""Files of a finished inversion: pictures, camera, latent and figures. Each is written whole or not at all."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.views import orbit_labels
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import pixels_of, write_image
from gan3dinv_ns.ops.image_metrics import psnr

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
    names: Sequence[str] = (),
) -> dict[str, float]:
    """Write ``comparison.png``, ``latent.npz``, ``metrics.json``, and for each photo ``reconstruction.png`` and
    ``camera.json``, those of several photos in folders of their names.

    Args:
        inversion: in its final state.
        folder: made if it is missing.
        figures: further numbers for ``metrics.json``, for example seconds; those that are not finite are left out.
        rendered: the views of the found cameras, as from ``inversion.render``; None renders them.
        names: of the photos, where they are several; none are numbers.

    Returns:
        "psnr" in dB and "perceptual", "yaw_rad", "pitch_rad" and the given figures, as in ``metrics.json``. Angles of
        several photos are those of the first; in the file the figures of each follow under "photos".

    Raises:
        FileWriteError: the disk is full, or the folder cannot be written to; what stood there is untouched.
    """
    folder = Path(folder)
    if rendered is None:
        rendered = inversion.render(inversion.label.detach())
    metrics = measure(inversion, rendered)
    metrics.update({key: float(value) for key, value in (figures or {}).items() if math.isfinite(value)})
    names = names or [str(index) for index in range(len(inversion.target.photo))]
    for index, place in enumerate(photo_folders(folder, names)):
        write_image(place / "reconstruction.png", rendered["image"][index : index + 1])
        _write_json(place / "camera.json", camera_record(inversion, index))
    with atomic_path(folder / "comparison.png") as path:
        comparison(inversion, rendered).save(path)
    with atomic_path(folder / "latent.npz") as path:
        np.savez(path, w=_numpy(inversion.pivot), ws=_numpy(inversion.latent[0]))
    each: list[dict[str, object]] = [
        {"name": name, **measure(inversion, rendered, index)} for index, name in enumerate(names)
    ]
    _write_json(folder / "metrics.json", {**metrics, "photos": each} if len(each) > 1 else metrics)
    return metrics


def photo_folders(folder: Path, names: Sequence[str]) -> list[Path]:
    """Where the files of each photo belong: in the folder itself, or, of several photos, in folders of their names."""
    return [folder] if len(names) == 1 else [folder / name for name in names]


@torch.no_grad()
def measure(
    inversion: Inversion, rendered: dict[str, Tensor] | None = None, photo: int | None = None
) -> dict[str, float]:
    """Figures of the current reconstruction: "psnr" in dB, "perceptual", "yaw_rad", "pitch_rad"; all finite.

    Args:
        rendered: the views of the found cameras; None renders them.
        photo: which one; None for the means of all, with the angles of the first.
    """
    if rendered is None:
        rendered = inversion.render(inversion.label.detach())
    chosen = range(len(inversion.target.photo)) if photo is None else [photo]
    target = inversion.target.only(chosen)
    seen = {name: view[list(chosen)] for name, view in rendered.items()}
    pairs = zip(seen["image"].split(1), target.photo.split(1), strict=True)
    yaw, pitch = inversion.pose.yaw_pitch(photo or 0)
    return {
        "psnr": statistics.fmean(psnr(image, photo) for image, photo in pairs),
        "perceptual": float(target.distance(seen)),
        "yaw_rad": yaw,
        "pitch_rad": pitch,
    }


def camera_record(inversion: Inversion, photo: int = 0) -> dict[str, object]:
    """A photo's camera as plain data: "label" (25 numbers), angles in radians, lengths in box units."""
    yaw, pitch = inversion.pose.yaw_pitch(photo)
    return {
        "label": [float(number) for number in inversion.label[photo].detach()],
        "yaw_rad": yaw,
        "pitch_rad": pitch,
        "translation_box": [float(number) for number in inversion.pose.translation[photo].detach()],
        "radius_box": float(inversion.pose.radius[photo]),
    }


def comparison(inversion: Inversion, rendered: dict[str, Tensor]) -> Image.Image:
    """Photo, reconstruction, depth and three novel views side by side, each with a caption; further photos below."""
    yaws = torch.tensor(NOVEL_YAWS_RAD)
    radius = float(inversion.pose.radius[0])
    labels = orbit_labels(yaws, torch.zeros_like(yaws), inversion.settings.pose.focal, radius)
    rows = [
        [("photo", _picture(photo)), ("reconstruction", _picture(image)), ("depth", _depth_picture(depth, weights))]
        for photo, image, depth, weights in zip(
            inversion.target.photo.split(1),
            *(rendered[name].split(1) for name in ("image", "image_depth", "image_weights")),
            strict=True,
        )
    ]
    for yaw, view in zip(NOVEL_YAWS_RAD, inversion.novel_view(labels).split(1), strict=True):
        rows[0].append((f"yaw {math.degrees(yaw):+.0f} deg", _picture(view)))
    return _sheet(rows, max(_SMALLEST_TILE, inversion.generator.img_resolution))


def _sheet(rows: Sequence[Sequence[tuple[str, Image.Image]]], side: int) -> Image.Image:
    """Rows of tiles, each ``side`` pixels wide and under its caption."""
    height = side + _CAPTION_HEIGHT
    sheet = Image.new("RGB", (side * max(len(row) for row in rows), height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        for index, (caption, tile) in enumerate(row):
            fitted = tile.resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(fitted, (index * side, number * height + _CAPTION_HEIGHT))
            draw.text((index * side + 6, number * height + 4), caption, fill="black")
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
