"""How far two pictures differ."""

from __future__ import annotations

import math

from torch import Tensor

BEST_PSNR = 100.0
"""PSNR of equal pictures, dB; keeps the figures finite."""


def psnr(image: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures ``[N, 3, H, W]`` in [-1, 1] (clamped first), over all of them.

    Raises:
        ValueError: if the shapes differ.
    """
    if image.shape != reference.shape:
        raise ValueError(f"pictures of {list(image.shape)} and {list(reference.shape)} cannot be compared.")
    error = float((image.clamp(-1, 1) - reference.clamp(-1, 1)).square().mean())
    return min(BEST_PSNR, 10.0 * math.log10(4.0 / max(error, 1e-12)))
