"""The small network that turns tri-plane features into colour features and density (EG3D, section 4.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gan3dinv_ns.eg3d.cpu.blockwise_decoding import decode_in_blocks
from gan3dinv_ns.eg3d.layers import FullyConnected

HIDDEN = 64

Decode = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Plane features [..., in] -> colour features [..., out] and density before its activation [..., 1]."""


class OSGDecoder(nn.Module):
    """Mean tri-plane feature -> features and density; the density is the raw value before its softplus.

    Args:
        in_channels: channels of one plane.
        out_channels: colour features; the first three are red, green and blue.
        lr_multiplier: learning-rate factor of both layers.
    """

    def __init__(self, in_channels: int = 32, out_channels: int = 32, lr_multiplier: float = 1.0) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.net = nn.Sequential(
            FullyConnected(in_channels, HIDDEN, lr_multiplier=lr_multiplier),
            nn.Softplus(),
            FullyConnected(HIDDEN, 1 + out_channels, lr_multiplier=lr_multiplier),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """features [..., in] -> colour features [..., out] in about [0, 1] and density [..., 1].

        The sigmoid is stretched by 0.001 at both ends, as in mip-NeRF, so that it can reach 0 and 1.
        """
        if features.device.type == "cpu":
            density, colours = decode_in_blocks(features.reshape(-1, features.shape[-1]), *self.scaled_weights())
            return colours.reshape(*features.shape[:-1], -1), density.reshape(*features.shape[:-1], 1)
        density, colours = self.net(features).split([1, self.out_channels], dim=-1)
        return torch.sigmoid(colours).mul(1.002).sub_(0.001), density

    def scaled_weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weight [hidden, in] and bias of the first layer, weight [1 + out, hidden] and bias of the second, as used."""
        inner, outer = self.net[0], self.net[2]
        assert isinstance(inner, FullyConnected) and isinstance(outer, FullyConnected)
        return *inner.scaled(), *outer.scaled()
