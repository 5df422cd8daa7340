"""Figures by which an inversion is judged."""

from __future__ import annotations

import math

import torch
from pytorch_msssim import ms_ssim as multi_scale_ssim
from torch import Tensor

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import rotation_angle
from gan3dinv_ns.ops.image_metrics import BEST_PSNR, psnr

__all__ = [
    "BEST_PSNR",
    "WORST_DEPTH_BOX",
    "depth_mae_box",
    "ms_ssim",
    "psnr",
    "rotation_error_deg",
    "translation_error",
]

WORST_DEPTH_BOX = 1.0
"""Depth error where nothing is solid in both heads, box units: the side of the box; keeps the figures finite."""
_LARGEST_WINDOW = 11
_HALVINGS = 4


def ms_ssim(image: Tensor, reference: Tensor) -> float:
    """Multi-scale structural similarity of pictures ``[N, 3, H, W]`` in [-1, 1] (clamped first); 1 for equal ones.

    Five scales with the weights and the Gaussian (standard deviation 1.5 pixels) of Wang, Simoncelli and Bovik,
    "Multiscale structural similarity for image quality assessment" (2003). The window is theirs of 11 pixels where it
    fits into the smallest scale, a sixteenth of the picture, else the largest odd one that fits: 7 pixels at 128.

    Raises:
        ValueError: if the shapes differ, or a side has 32 pixels or fewer.
    """
    if image.shape != reference.shape:
        raise ValueError(f"pictures of {list(image.shape)} and {list(reference.shape)} cannot be compared.")
    window = _window(min(image.shape[-2:]))
    first, second = (one.float().clamp(-1, 1) * 0.5 + 0.5 for one in (image, reference))
    return float(multi_scale_ssim(first, second, data_range=1.0, win_size=window))


def depth_mae_box(depth: Tensor, solid: Tensor, reference: Tensor, reference_solid: Tensor) -> float:
    """Mean absolute difference of depths along the rays, box units, over the pixels that are solid in both.

    Args:
        depth, reference: ``[1, 1, r, r]`` in box units.
        solid, reference_solid: ``[1, 1, r, r]`` flags.

    Returns:
        ``WORST_DEPTH_BOX`` if no pixel is solid in both.

    Raises:
        ValueError: if the shapes differ.
    """
    if depth.shape != reference.shape:
        raise ValueError(f"depths of {list(depth.shape)} and {list(reference.shape)} cannot be compared.")
    both = solid & reference_solid
    if not bool(both.any()):
        return WORST_DEPTH_BOX
    return float((depth[both].double() - reference[both].double()).abs().mean())


def rotation_error_deg(label: Tensor, reference: Tensor) -> float:
    """Angle in degrees between the rotations of two camera labels ``[1, 25]``."""
    first, second = (split_label(one.detach().double().cpu())[0][:, :3, :3] for one in (label, reference))
    return math.degrees(float(rotation_angle(first, second)[0]))


def translation_error(label: Tensor, reference: Tensor) -> float:
    """Distance in box units between the camera centres of two labels ``[1, 25]``."""
    first, second = (split_label(one.detach().double().cpu())[0][:, :3, 3] for one in (label, reference))
    return float(torch.linalg.vector_norm(first - second))


def _window(side: int) -> int:
    """The largest odd window of at most 11 pixels that the library takes: (window - 1) 2^4 < side."""
    fitting = (side - 1) // 2**_HALVINGS + 1
    window = min(_LARGEST_WINDOW, fitting - (fitting + 1) % 2)
    if window < 3:
        raise ValueError(f"pictures of {side} pixels are too small for MS-SSIM; at least 33 are needed.")
    return window
