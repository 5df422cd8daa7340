"""From a photo to the picture that is inverted: a square of it, in the generator's resolution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.ops.image_files import read_image
from gan3dinv_ns.photo.background import before_white
from gan3dinv_ns.photo.framing import FaceFrame, Framing, FramingSettings, choose_square, cut_framing


def fit_to(image: Tensor, resolution: int) -> Tensor:
    """An image [N, C, S, S] in [-1, 1] at another resolution -> [N, C, resolution, resolution].

    Bicubic with a low-pass that widens as the image shrinks, so that fine texture does not alias; clamped
    to [-1, 1].

    Raises:
        ValueError: the image is not square.
    """
    if image.shape[-1] != image.shape[-2]:
        height, width = image.shape[-2:]
        raise ValueError(f"an image to fit must be square, not {width}x{height}; crop it first")
    if image.shape[-1] == resolution:
        return image
    size = (resolution, resolution)
    return F.interpolate(image, size, mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)


def prepare_photo(
    path: str | Path,
    resolution: int,
    frame: FaceFrame | None = None,
    settings: FramingSettings | None = None,
    white: bool = False,
) -> tuple[Tensor, Framing]:
    """Reads a photo, cuts a square and fits it to the generator.

    Args:
        frame: the generator's :func:`~gan3dinv_ns.photo.framing.mean_frame`; None takes the centre square.
        settings: which square.
        white: cut the head out and put it before white.

    Returns:
        [1, 3, resolution, resolution] in [-1, 1], and which square it is.

    Raises:
        ValueError: the file is missing, no picture, damaged, too small or too large, or has not the face asked for.
    """
    image = read_image(path)
    framing = choose_square(image, frame, settings or FramingSettings())
    square = cut_framing(image, framing)
    if white:
        head = before_white(square)
        if head is not square:
            framing = replace(framing, reason=f"{framing.reason}; its background is made white")
        square = head
    return fit_to(square, resolution), framing
