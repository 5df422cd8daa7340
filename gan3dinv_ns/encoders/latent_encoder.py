"""The latent encoder E: a first guess of w from a photo.

As in e4e (Tov et al., "Designing an encoder for StyleGAN image manipulation", 2021) with one latent for all layers,
w = mean + delta, as Ko et al. use it (supplementary material, A.1).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gan3dinv_ns.encoders.config import LatentEncoderConfig
from gan3dinv_ns.encoders.ir_se import IrSe50
from gan3dinv_ns.encoders.residual import ResidualTrunk, shrink_photo

_NECK, _HIDDEN = 64, 256


class LatentEncoder(nn.Module):
    """Photo [N, 3, R, R] in [-1, 1] -> latent w [N, w_dim].

    Attributes:
        config: its sizes.
        mean: [w_dim] buffer, the mean latent.
    """

    mean: Tensor

    def __init__(self, config: LatentEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk, self.head = _small(config) if config.trunk == "small" else _ir_se_50(config)
        self.register_buffer("mean", torch.zeros(config.w_dim))

    def delta(self, photo: Tensor) -> Tensor:
        """The latent's difference from the mean, [N, w_dim]."""
        return self.head(self.trunk(shrink_photo(photo, self.config.side)))

    def forward(self, photo: Tensor) -> Tensor:
        return self.mean + self.delta(photo)


def _small(config: LatentEncoderConfig) -> tuple[nn.Module, nn.Module]:
    cells = (config.side // 16) ** 2
    head = nn.Sequential(
        nn.Conv2d(config.channels[-1], _NECK, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(_NECK * cells, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, config.w_dim),
    )  # fmt: skip
    return ResidualTrunk(config.channels), head


def _ir_se_50(config: LatentEncoderConfig) -> tuple[nn.Module, nn.Module]:
    """The trunk, and pixel2style2pixel's map to a style: convolutions of stride 2 until one cell is left."""
    halvings = math.ceil(math.log2(config.side // 16))
    head: list[nn.Module] = []
    for _ in range(halvings):
        head += [nn.Conv2d(512, 512, 3, 2, 1), nn.LeakyReLU(0.01)]
    return IrSe50(), nn.Sequential(*head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, config.w_dim))
