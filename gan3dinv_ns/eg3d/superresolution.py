"""Super-resolution: the rendered features become the image (Chan et al., EG3D, 2022, section 4.2 and supplement).

Four published modules differ in resolutions and channels only; each has two blocks of the synthesis network, and all
layers share the last w. Images are added out of place, so that gradients reach the rendering below.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from gan3dinv_ns.eg3d.synthesis import NoiseMode, SynthesisBlock
from gan3dinv_ns.ops.resampling import setup_filter


@dataclass(frozen=True)
class _Layout:
    """What distinguishes one module: resolutions of input and output, up factor of the first block, channels, and
    whether its published state has the resampling filter, which nothing uses."""

    input_resolution: int
    img_resolution: int
    first_up: int
    channels: tuple[int, int]
    stores_filter: bool = True


class _Superresolution(nn.Module):
    """Features [N, 32, r, r] and their first three channels -> image [N, 3, img_resolution, img_resolution]."""

    layout: _Layout

    def __init__(
        self, channels: int, w_dim: int, antialias: bool = True, num_fp16_res: int = 4, img_channels: int = 3
    ) -> None:
        super().__init__()
        layout = self.layout
        self.antialias = antialias
        half = num_fp16_res > 0
        clamp = 256.0 if half else None
        first, second = layout.channels
        first_resolution = layout.input_resolution * layout.first_up
        self.block0 = SynthesisBlock(
            channels, first, w_dim, first_resolution, img_channels, layout.first_up, clamp, half
        )
        self.block1 = SynthesisBlock(first, second, w_dim, layout.img_resolution, img_channels, 2, clamp, half)
        if layout.stores_filter:
            self.register_buffer("resample_filter", setup_filter())

    def forward(
        self, rgb: Tensor, features: Tensor, ws: Tensor, noise_mode: NoiseMode = "none"
    ) -> tuple[Tensor, Tensor]:
        """The image, and the raw image with the first block's correction.

        The second is rgb itself where the first block works at another resolution than rgb has. The published 2X and
        4X modules add the correction in place, so that it appears in their raw image as well.

        Args:
            rgb: [N, 3, r, r], resized to the resolution that the module expects where it differs.
            features: [N, 32, r, r].
            ws: [N, num_ws, w_dim]; the last one is used.
            noise_mode: "none", as EG3D's networks were trained, "const" or "random".
        """
        size, raw = self.layout.input_resolution, rgb
        if features.shape[-1] != size:
            features = self._resize(features, size)
            rgb = self._resize(rgb, size)
        last = ws[:, -1:].expand(-1, 3, -1)
        x, image = self.block0(features, rgb, last, noise_mode)
        refined = image if rgb is raw and self.layout.first_up == 1 else raw
        return self.block1(x, image, last, noise_mode)[1], refined

    def _resize(self, x: Tensor, size: int) -> Tensor:
        return F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=self.antialias)


class SuperresolutionHybrid2X(_Superresolution):
    """64 -> 128."""

    layout = _Layout(64, 128, first_up=1, channels=(128, 64))


class SuperresolutionHybrid4X(_Superresolution):
    """128 -> 256."""

    layout = _Layout(128, 256, first_up=1, channels=(128, 64))


class SuperresolutionHybrid8X(_Superresolution):
    """128 -> 512."""

    layout = _Layout(128, 512, first_up=2, channels=(128, 64))


class SuperresolutionHybrid8XDC(_Superresolution):
    """128 -> 512 with twice the channels (the published FFHQ and AFHQ networks)."""

    layout = _Layout(128, 512, first_up=2, channels=(256, 128), stores_filter=False)


SUPERRESOLUTIONS: dict[str, type[_Superresolution]] = {
    "2X": SuperresolutionHybrid2X,
    "4X": SuperresolutionHybrid4X,
    "8X": SuperresolutionHybrid8X,
    "8XDC": SuperresolutionHybrid8XDC,
}
