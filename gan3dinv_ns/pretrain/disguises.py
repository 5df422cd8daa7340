"""Strange light on pictures, and things before them, in place of what photos have and training pictures do not: lamps
beside the head, hats, hands, hair of another cut."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.cameras.intrinsics import pixel_centres

_LAMP = 0.8
"""Logarithm of the gain on the bright side, and of its inverse on the dark side, at most."""
_STEEPNESS = 3.0
_UNEVEN = 0.25
_CONTRAST = 0.4
"""Standard deviation of the exponent's logarithm."""
_SMALLEST, _LARGEST = 0.25, 0.65
"""Radii of patches before they are made irregular, in half widths of the picture."""
_IRREGULAR = 0.2
_WHITE = 0.3
"""Share of patches that are white: where hair is not, the background is."""
_GRAIN = 0.2


def strangely_lit(pictures: Tensor, share: float) -> Tensor:
    """Pictures ``[N, 3, S, S]`` in [-1, 1], a share of which are bright to one side and dark to the other, a little
    uneven, and of another contrast."""
    count, device = len(pictures), pictures.device
    towards = torch.randn(count, 2, 1, 1, 1, device=device)
    x, y = _places(pictures)
    rising = torch.tanh(_STEEPNESS * _uniform(pictures) * (towards[:, 0] * x + towards[:, 1] * y))
    gain = torch.exp(_LAMP * _uniform(pictures) * rising + _UNEVEN * _uniform(pictures) * _smooth(pictures, 3))
    exponent = torch.exp(_CONTRAST * torch.randn(count, 1, 1, 1, device=device))
    lit = gain * ((pictures + 1) / 2).clamp(0, 1) ** exponent
    return torch.where(_uniform(pictures) < share, (2 * lit - 1).clamp(-1, 1), pictures)


def partly_hidden(pictures: Tensor, share: float) -> Tensor:
    """Pictures ``[N, 3, S, S]`` in [-1, 1], a share of which are hidden where a patch is, round with an irregular
    outline and of one colour with some grain."""
    count, device = len(pictures), pictures.device
    x, y = _places(pictures)
    centre = 2 * torch.rand(count, 2, 1, 1, device=device) - 1
    radius = _SMALLEST + (_LARGEST - _SMALLEST) * _uniform(pictures)
    outside = ((x - centre[:, :1]).square() + (y - centre[:, 1:]).square()).sqrt() - radius
    inside = outside + _IRREGULAR * _smooth(pictures, 5) < 0
    colour = (2 * torch.rand(count, 3, 1, 1, device=device) - 1 + _GRAIN * _smooth(pictures, 16)).clamp(-1, 1)
    patch = torch.where(_uniform(pictures) < _WHITE, 1.0, colour)
    return torch.where(inside & (_uniform(pictures) < share), patch, pictures)


def _places(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """x to the right and y down, each [S, S] in [-1, 1]."""
    height, width = pictures.shape[-2:]
    x, y = (2 * pixel_centres(height, width, pictures) - 1).unbind(dim=-1)
    return x, y


def _smooth(pictures: Tensor, knots: int) -> Tensor:
    """[N, 1, S, S] of about unit spread, through normally distributed values at a grid of knots by knots."""
    values = torch.randn(len(pictures), 1, knots, knots, device=pictures.device)
    return F.interpolate(values, size=pictures.shape[-2:], mode="bicubic", align_corners=True)


def _uniform(pictures: Tensor) -> Tensor:
    """[N, 1, 1, 1] in 0 to 1."""
    return torch.rand(len(pictures), 1, 1, 1, device=pictures.device)
