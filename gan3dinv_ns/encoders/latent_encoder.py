"""The latent encoder E: a first guess of w from a photo.

As in e4e (Tov et al., "Designing an encoder for StyleGAN image manipulation", 2021) with one latent for all layers,
w = mean + delta, as Ko et al. use it (supplementary material, A.1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan3dinv_ns.encoders.config import InitialiserConfig
from gan3dinv_ns.encoders.residual import ResidualTrunk, shrink_photo

_NECK, _HIDDEN = 64, 256


class LatentEncoder(nn.Module):
    """Photo [N, 3, R, R] in [-1, 1] -> latent w [N, w_dim].

    Attributes:
        mean: [w_dim] buffer, the mean latent.
    """

    mean: Tensor

    def __init__(self, config: InitialiserConfig) -> None:
        super().__init__()
        self.side = config.side
        self.trunk = ResidualTrunk(config.latent_channels)
        cells = (config.side // 16) ** 2
        self.head = nn.Sequential(
            nn.Conv2d(config.latent_channels[-1], _NECK, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(_NECK * cells, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, config.w_dim),
        )  # fmt: skip
        self.register_buffer("mean", torch.zeros(config.w_dim))

    def forward(self, photo: Tensor) -> Tensor:
        return self.mean + self.head(self.trunk(shrink_photo(photo, self.side)))
