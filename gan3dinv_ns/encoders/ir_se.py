"""IR-SE-50, the trunk of encoders for large generators, and its relatives, the trunks of face recognition.

Residual units with batch normalisation first (Deng et al., "ArcFace", CVPR 2019, "IR"), each scaled by
squeeze-and-excitation (Hu et al., CVPR 2018, "SE") or not: 24 of them in four stages, as in pixel2style2pixel
(Richardson et al., CVPR 2021) and e4e (Tov et al., 2021), or 49, as in CurricularFace (Huang et al., CVPR 2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

UNITS = {24: (3, 4, 14, 3), 49: (3, 13, 30, 3)}
"""Residual units in all, and in each stage: those of 50 and of 101 layers."""

_WIDTHS = (64, 128, 256, 512)
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

    def __init__(self, in_channels: int, out_channels: int, stride: int, excitation: bool = True) -> None:
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
            *([SqueezeExcitation(out_channels)] if excitation else []),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.skip(x)


class IrTrunk(nn.Sequential):
    """Photos [N, 3, S, S] in [-1, 1] -> features [N, 512, S/16, S/16].

    Args:
        units: of each of the four stages.
        excitation: whether units are scaled by squeeze-and-excitation.
    """

    def __init__(self, units: tuple[int, ...], excitation: bool) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)]
        channels = 64
        for width, count in zip(_WIDTHS, units, strict=True):
            for number in range(count):
                taken, stride = (width, 1) if number else (channels, 2)
                layers.append(ImprovedResidualUnit(taken, width, stride, excitation))
            channels = width
        super().__init__(*layers)


class IrSe50(IrTrunk):
    """The trunk of 24 units with squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__(UNITS[24], True)
