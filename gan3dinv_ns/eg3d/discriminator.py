"""Dual discriminator: judges the image together with the raw rendering, given the camera (EG3D, section 4.3).

The network is StyleGAN2's residual discriminator with a projection onto an embedding of the camera label.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan3dinv_ns.eg3d.config import DiscriminatorConfig
from gan3dinv_ns.eg3d.layers import Conv2dLayer, FullyConnected
from gan3dinv_ns.eg3d.mapping import MappingNetwork
from gan3dinv_ns.ops.resampling import setup_filter

_IMAGE_CHANNELS = 6


class DiscriminatorBlock(nn.Module):
    """Residual block [N, in, R, R] -> [N, out, R/2, R/2]; the first one takes the images instead of features."""

    def __init__(
        self, in_channels: int, middle_channels: int, out_channels: int, first: bool, conv_clamp: float | None
    ) -> None:
        super().__init__()
        self.register_buffer("resample_filter", setup_filter())
        if first:
            self.fromrgb = Conv2dLayer(in_channels, middle_channels, 1, True, "lrelu", 1, conv_clamp)
        self.first = first
        self.conv0 = Conv2dLayer(middle_channels, middle_channels, 3, True, "lrelu", 1, conv_clamp)
        self.conv1 = Conv2dLayer(middle_channels, out_channels, 3, True, "lrelu", 2, conv_clamp)
        self.skip = Conv2dLayer(middle_channels, out_channels, 1, False, "linear", 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.first:
            x = self.fromrgb(x)
        y = self.skip(x, gain=math.sqrt(0.5))
        return y + self.conv1(self.conv0(x), gain=math.sqrt(0.5))


def minibatch_standard_deviation(x: Tensor, group_size: int, num_channels: int = 1) -> Tensor:
    """x [N, C, H, W] with num_channels maps appended that hold how much the images of a group differ.

    Groups are as large as group_size allows while they divide N evenly. Source: Karras et al., "Progressive
    Growing of GANs" (2018), section 3.
    """
    batch, channels, height, width = x.shape
    size = next(n for n in range(min(group_size, batch), 0, -1) if batch % n == 0)
    grouped = x.reshape(size, -1, num_channels, channels // num_channels, height, width)
    deviation = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(2, 3, 4))
    maps = deviation[:, :, None, None].repeat(size, 1, height, width)
    return torch.cat([x, maps], dim=1)


class DiscriminatorEpilogue(nn.Module):
    """Features [N, C, 4, 4] and camera embedding [N, cmap_dim] -> logits [N, 1]."""

    def __init__(self, channels: int, cmap_dim: int, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.group_size, self.num_channels = config.mbstd_group_size, config.mbstd_num_channels
        self.conv = Conv2dLayer(channels + self.num_channels, channels, 3, True, "lrelu", conv_clamp=config.conv_clamp)
        self.fc = FullyConnected(channels * 16, channels, activation="lrelu")
        self.out = FullyConnected(channels, max(cmap_dim, 1))

    def forward(self, x: Tensor, cmap: Tensor | None) -> Tensor:
        if self.num_channels > 0:
            x = minibatch_standard_deviation(x, self.group_size, self.num_channels)
        x = self.out(self.fc(self.conv(x).flatten(1)))
        if cmap is None:
            return x
        return (x * cmap).sum(dim=1, keepdim=True) / math.sqrt(cmap.shape[1])


class Discriminator(nn.Module):
    """Logits, high for what looks like a photograph. Its parameters carry EG3D's names."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        levels = int(math.log2(config.img_resolution))
        if config.img_resolution != 2**levels or levels < 3:
            raise ValueError(f"img_resolution {config.img_resolution}: must be a power of two from 8 on")
        self.resolutions = [2**level for level in range(levels, 2, -1)]
        channels = {r: min(config.channel_base // r, config.channel_max) for r in [*self.resolutions, 4]}
        for r in self.resolutions:
            first = r == config.img_resolution
            block = DiscriminatorBlock(
                _IMAGE_CHANNELS if first else channels[r],
                channels[r],
                channels[r // 2],
                first,
                config.conv_clamp,
            )
            self.add_module(f"b{r}", block)
        cmap_dim = 0 if config.c_dim == 0 else config.cmap_dim or channels[4]
        if config.c_dim > 0:
            self.mapping = MappingNetwork(
                0, config.c_dim, cmap_dim, None, num_layers=config.mapping_layers, w_avg_beta=None
            )
        self.b4 = DiscriminatorEpilogue(channels[4], cmap_dim, config)
        self.register_buffer("resample_filter", setup_filter())

    @property
    def img_resolution(self) -> int:
        """Width and height of the image."""
        return self.config.img_resolution

    def features(self, images: dict[str, Tensor], c: Tensor | None = None) -> list[Tensor]:
        """The outputs of the blocks, from fine to coarse: [N, C, R/2, R/2], ..., [N, C, 4, 4].

        Args:
            images: "image" [N, 3, R, R] and "image_raw" [N, 3, r, r] in [-1, 1]; the second is resized to R.
            c: not used by the blocks; taken so that the call reads as that for the logits.
        """
        size = self.config.img_resolution
        if images["image"].shape[-2:] != (size, size):
            raise ValueError(f"image of shape {tuple(images['image'].shape)}: must be {size} pixels wide and high")
        raw = F.interpolate(images["image_raw"], (size, size), mode="bilinear", align_corners=False, antialias=True)
        x = torch.cat([images["image"], raw], dim=1)
        if x.device.type == "cpu":
            # oneDNN's convolutions are up to three times as fast then.
            x = x.contiguous(memory_format=torch.channels_last)
        maps = []
        for resolution in self.resolutions:
            x = self.get_submodule(f"b{resolution}")(x)
            maps.append(x)
        return maps

    def forward(self, images: dict[str, Tensor], c: Tensor | None) -> Tensor:
        """Logits [N, 1] of images as in `features`, seen from cameras c [N, c_dim]."""
        cmap = self.mapping(None, c) if self.config.c_dim > 0 else None
        return self.b4(self.features(images)[-1], cmap)
