"""Figures by which an inversion is judged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import rotation_angle

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


def rotation_error_deg(label: Tensor, reference: Tensor) -> float:
    """Angle in degrees between the rotations of two camera labels ``[1, 25]``."""
    first, second = (split_label(one.detach().double().cpu())[0][:, :3, :3] for one in (label, reference))
    return math.degrees(float(rotation_angle(first, second)[0]))


def translation_error(label: Tensor, reference: Tensor) -> float:
    """Distance in box units between the camera centres of two labels ``[1, 25]``."""
    first, second = (split_label(one.detach().double().cpu())[0][:, :3, 3] for one in (label, reference))
    return float(torch.linalg.vector_norm(first - second))
