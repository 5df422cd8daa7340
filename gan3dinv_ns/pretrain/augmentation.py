"""Changes to pictures that photos come with: they are moved, scaled, rolled, lit, tinted, blurred and partly hidden."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.ops.picture_moves import move_pictures
from gan3dinv_ns.pretrain.disguises import partly_hidden, strangely_lit


@dataclass(frozen=True)
class AugmentationSettings:
    """How far pictures are changed; 0 leaves a change out."""

    shift: float = 0.03
    """Pictures are moved by up to this share of their width to all sides, and the camera's translation with them."""
    scale: float = 0.05
    """They are scaled by up to 1 plus or minus this."""
    roll: float = 0.0
    """They are rolled by up to this to both sides, radians, and the camera with them."""
    tint: float = 0.15
    """Each colour channel is multiplied by up to 1 plus or minus this."""
    brightness: float = 0.1
    """All are brightened by up to plus or minus this share of the range from black to white."""
    blur: float = 0.8
    """They are blurred by a Gaussian of up to this standard deviation, pixels."""
    light: float = 0.5
    """Share of pictures that are lit from one side, and of another contrast."""
    occlusion: float = 0.5
    """Share of pictures of which a patch is hidden."""


@dataclass(frozen=True)
class Moves:
    """How pictures are moved.

    Attributes:
        shift: [N, 2] to the right and down, as shares of the width.
        scale: [N] factor.
        roll: [N] anticlockwise, radians.
    """

    shift: Tensor
    scale: Tensor
    roll: Tensor

    def of(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, S, S], moved."""
        return move_pictures(pictures, self.roll, self.scale, self.shift)


def draw_moves(count: int, settings: AugmentationSettings, device: torch.device | str = "cpu") -> Moves:
    """Random moves, uniform within the settings."""

    def uniform(limit: float, *shape: int) -> Tensor:
        return limit * (2 * torch.rand(*shape, device=device) - 1)

    return Moves(uniform(settings.shift, count, 2), 1 + uniform(settings.scale, count), uniform(settings.roll, count))


def change_looks(pictures: Tensor, settings: AugmentationSettings) -> Tensor:
    """Pictures ``[N, 3, S, S]`` in [-1, 1] in other light, out of focus, and partly hidden."""
    count, device = len(pictures), pictures.device
    seen = strangely_lit(pictures, settings.light) if settings.light else pictures
    tint = 1 + settings.tint * (2 * torch.rand(count, 3, 1, 1, device=device) - 1)
    bright = 2 * settings.brightness * (2 * torch.rand(count, 1, 1, 1, device=device) - 1)
    seen = ((seen + 1) * tint - 1 + bright).clamp(-1, 1)
    if settings.blur:
        seen = _blurred(seen, settings.blur * float(torch.rand(())))
    return partly_hidden(seen, settings.occlusion) if settings.occlusion else seen


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    if sigma < 0.1:
        return pictures
    offsets = torch.arange(-3, 4, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma).square())
    kernel = (kernel / kernel.sum()).expand(pictures.shape[1], 1, 1, -1)
    padded = F.pad(pictures, (3, 3, 3, 3), mode="replicate")
    across = F.conv2d(padded, kernel, groups=pictures.shape[1])
    return F.conv2d(across, kernel.mT, groups=pictures.shape[1])
