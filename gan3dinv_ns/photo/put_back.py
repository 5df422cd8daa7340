"""A picture of the framed head, put back into the whole photo that it was cut from."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import read_image, write_image
from gan3dinv_ns.ops.picture_moves import move_pictures
from gan3dinv_ns.photo.crop import fit_to
from gan3dinv_ns.photo.framing import Framing

_SEAM = 0.08


def put_back(photo: Tensor, picture: Tensor, framing: Framing, opacity: Tensor | None = None) -> Tensor:
    """The photo with the picture in the place of the square; the inverse of
    :func:`~gan3dinv_ns.photo.framing.cut_framing`.

    Towards the edges of the square the picture fades into the photo.

    Args:
        photo: ``[1, 3, H, W]`` in [-1, 1].
        picture: ``[1, 3, R, R]`` in [-1, 1].
        framing: where the picture's square is in the photo.
        opacity: ``[1, 1, r, r]`` in [0, 1], where the picture shows the head; None puts all of it back.

    Returns:
        ``[1, 3, H, W]``.
    """
    side = max(1, round(framing.square.side))
    share = _fading(side).to(picture)
    if opacity is not None:
        share = share * F.interpolate(opacity, (side, side), mode="bilinear", align_corners=False, antialias=True)
    patch = torch.cat([fit_to(picture, side), share], dim=1)
    left, top = round(framing.square.left), round(framing.square.top)
    if framing.roll_rad != 0:
        margin = math.ceil(side * (math.sqrt(2) - 1) / 2) + 1
        patch = move_pictures(F.pad(patch, [margin] * 4), torch.tensor([-framing.roll_rad]).to(patch))
        left, top = left - margin, top - margin
    height, width = photo.shape[-2:]
    size = patch.shape[-1]
    patch = F.pad(patch, (left, width - left - size, top, height - top - size))
    colours, share = patch[:, :3], patch[:, 3:]
    return photo + share * (colours - photo)


def write_framing(folder: Path, photo: Path, picture: Tensor, framing: Framing, opacity: Tensor | None = None) -> None:
    """Writes ``framing.json``, and ``whole_photo.png`` where the photo is more than the square.

    Args:
        folder: for both.
        photo: the file that the square was cut from.
        picture: ``[1, 3, R, R]`` in [-1, 1], put back into it.
        framing: which square.
        opacity: see :func:`put_back`.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    square = framing.square
    record = {"left": square.left, "top": square.top, "side": square.side, "roll_rad": framing.roll_rad}
    with atomic_path(folder / "framing.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    image = read_image(photo)
    if image.shape[-2:] != (square.side, square.side):
        write_image(folder / "whole_photo.png", put_back(image, picture, framing, opacity))


def _fading(side: int) -> Tensor:
    """How much of the picture is seen ``[1, 1, side, side]``: 0 at the edges, 1 from `_SEAM` of the width inwards."""
    inwards = (torch.arange(side) + 0.5) / side
    ramp = (torch.minimum(inwards, 1 - inwards) / _SEAM).clamp(0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return (ramp[:, None] * ramp)[None, None]
