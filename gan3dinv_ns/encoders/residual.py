"""A small residual trunk for photos (He et al., "Deep residual learning for image recognition", 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 one: [N, in, H, W] -> [N, out, H/2, W/2]."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(in_channels, out_channels, 3, 2, 1, bias=False)
        self.norm0 = nn.BatchNorm2d(out_channels)
        self.conv1 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.norm0(self.conv0(x)))
        return F.relu(self.norm1(self.conv1(inner))) + self.skip(x)


class ResidualTrunk(nn.Sequential):
    """Photos [N, 3, S, S] in [-1, 1] -> features [N, channels[-1], S/16, S/16]."""

    def __init__(self, channels: Sequence[int]) -> None:
        stem = nn.Sequential(nn.Conv2d(3, channels[0], 5, 2, 2, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU())
        super().__init__(stem, *(ResidualBlock(a, b) for a, b in pairwise(channels)))


def shrink_photo(photo: Tensor, side: int) -> Tensor:
    """A photo [N, 3, R, R] at ``side`` x ``side`` pixels, each the mean of those that it covers."""
    return photo if photo.shape[-1] == side else F.interpolate(photo, size=(side, side), mode="area")
