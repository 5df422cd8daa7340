"""Regularisation of optimised noise maps, so that they stay noise and carry no picture.

Source: Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020, appendix D (eq.
14).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST = 8


def noise_regularization(noise_maps: Iterable[Tensor]) -> Tensor:
    """Squared autocorrelation at a distance of one pixel, over an image pyramid down to 8x8, summed over
    maps.

    Args:
        noise_maps: square maps ``[H, H]``; at 8x8 and below the pyramid is the map itself.
    """
    total: Tensor | float = 0.0
    for one in noise_maps:
        level = one[None, None]
        while True:
            for axis in (2, 3):
                total = total + (level * level.roll(1, dims=axis)).mean().square()
            if level.shape[-1] <= _SMALLEST:
                break
            level = functional.avg_pool2d(level, 2) * 2.0
    return torch.as_tensor(total)


@torch.no_grad()
def normalize_noise(noise_maps: Iterable[Tensor]) -> None:
    """Bring every map back to mean 0 and variance 1, in place (after each step of the optimiser)."""
    for one in noise_maps:
        one.sub_(one.mean()).mul_((one.square().mean() + 1e-12).rsqrt())
