"""IR-SE-50, the trunk of encoders for large generators.

Residual units with batch normalisation first (Deng et al., "ArcFace", CVPR 2019, "IR"), each scaled by
squeeze-and-excitation (Hu et al., CVPR 2018, "SE"), 24 of them in four stages, as in pixel2style2pixel (Richardson et
al., CVPR 2021) and e4e (Tov et al., 2021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))
_SQUEEZE = 16


class SqueezeExcitation(nn.Module):
    """Scales each channel by a number in 0 to 1 that depends on all channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // _SQUEEZE, 1, bias=False)
        self.excite = nn.Conv2d(channels // _SQUEEZE, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(self.squeeze(means).relu()))


class ImprovedResidualUnit(nn.Module):
    """[N, in, H, W] -> [N, out, H / stride, W / stride]."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.skip: nn.Module = nn.MaxPool2d(1, stride)
        if in_channels != out_channels:
            widen = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.skip = nn.Sequential(widen, nn.BatchNorm2d(out_channels))
        self.inner = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, out_channels, 3, 1, 1, bias=False),
            nn.PReLU(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            SqueezeExcitation(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.skip(x)


class IrSe50(nn.Sequential):
    """Photos [N, 3, S, S] in [-1, 1] -> features [N, 512, S/16, S/16]."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)]
        channels = 64
        for width, count in _STAGES:
            layers += [ImprovedResidualUnit(width if n else channels, width, 1 if n else 2) for n in range(count)]
            channels = width
        super().__init__(*layers)
