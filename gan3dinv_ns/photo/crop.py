"""Centre square and antialiased resizing; the photo is taken as framed like the generator's images."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.ops.image_files import read_image


def centre_square(image: Tensor) -> Tensor:
    """The largest centred square of an image [N, C, H, W] -> [N, C, S, S] with S = min(H, W).

    An odd remainder is cut at the right or bottom edge.
    """
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[..., top : top + side, left : left + side]


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


def prepare_photo(path: str | Path, resolution: int) -> Tensor:
    """Reads a photo, cuts its centre square and fits it to the generator.

    Returns:
        [1, 3, resolution, resolution] in [-1, 1].

    Raises:
        ValueError: the file is missing, no picture, damaged, too small or too large (one line).
    """
    return fit_to(centre_square(read_image(path)), resolution)
