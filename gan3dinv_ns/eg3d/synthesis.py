"""Style-based synthesis: from the latents ws to an image of many channels (Karras et al. 2020, architecture "skip").

Each resolution has a block: convolutions with styles and noise, and a 1x1 layer ("torgb") whose output is added to
the upsampled output of the block below.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan3dinv_ns.eg3d.cpu.styled_conv import styled_conv2d
from gan3dinv_ns.eg3d.layers import FullyConnected, bias_activation, modulated_conv2d
from gan3dinv_ns.eg3d.mapping import MappingNetwork
from gan3dinv_ns.ops.resampling import setup_filter, upsample2d

NoiseMode = Literal["const", "random", "none"]


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution with noise and leaky ReLU: [N, in, H, W] -> [N, out, resolution, resolution].

    The buffer `noise_const` is the fixed noise image; a caller may optimise it.

    Attributes:
        products, gradient_products: what the convolution of one image on a CPU, and its gradients, are multiplied in;
            None is the image's own type.
    """

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        up: int = 1,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.up = up
        self.conv_clamp = conv_clamp
        self.products: torch.dtype | None = None
        self.gradient_products: torch.dtype | None = None
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.register_buffer("resample_filter", setup_filter())
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, w: Tensor, noise_mode: NoiseMode = "const") -> Tensor:
        styles = self.affine(w)
        noise = None if noise_mode == "none" else self._noise(x, noise_mode)
        if _one_on_cpu(x):
            taps = self.resample_filter if self.up == 2 else None
            types = (self.products, self.gradient_products)
            return styled_conv2d(x, self.weight, styles, self.bias, noise, taps, self.conv_clamp, *types)
        x = modulated_conv2d(x, self.weight, styles, up=self.up, resample_filter=self.resample_filter)
        if noise is not None:
            x = x + noise.to(x.dtype)
        return bias_activation(x, self.bias, "lrelu", clamp=self.conv_clamp)

    def _noise(self, x: Tensor, noise_mode: NoiseMode) -> Tensor:
        """Noise for all images [H*up, W*up], or of each [N, 1, H*up, W*up]."""
        if noise_mode == "const":
            return self.noise_const * self.noise_strength
        random = torch.randn(len(x), 1, *self.noise_const.shape, dtype=x.dtype, device=x.device)
        return random * self.noise_strength


def _one_on_cpu(x: Tensor) -> bool:
    """Whether the styles are best folded into the kernels: x [N, C, H, W] is one image on a CPU."""
    return len(x) == 1 and x.device.type == "cpu"


class ToRGBLayer(nn.Module):
    """Modulated 1x1 convolution without demodulation: [N, in, H, W] -> [N, out, H, W]."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, conv_clamp: float | None = None) -> None:
        super().__init__()
        self.conv_clamp = conv_clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.weight_gain = 1.0 / math.sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) * self.weight_gain
        if _one_on_cpu(x):
            # Features lie channels last there, so that this is one matrix product.
            kernel = self.weight.flatten(1) * styles
            x = F.linear(x.permute(0, 2, 3, 1), kernel, self.bias).permute(0, 3, 1, 2)
            return bias_activation(x, None, clamp=self.conv_clamp)
        x = modulated_conv2d(x, self.weight, styles, demodulate=False)
        return bias_activation(x, self.bias, clamp=self.conv_clamp)


class SynthesisBlock(nn.Module):
    """The layers of one resolution.

    Args:
        in_channels: channels of the features below; 0 makes the first block, which starts from a learned constant.
        out_channels: channels of the features.
        w_dim: length of w.
        resolution: width and height of the output.
        img_channels: channels of the image.
        up: 2 doubles the resolution, 1 keeps it.
        conv_clamp: largest magnitude of the features; None leaves them free.
        half: this block may compute in float16 on a GPU (see `use_half`).
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        img_channels: int,
        up: int = 2,
        conv_clamp: float | None = None,
        half: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels, self.up, self.may_use_half = in_channels, up, half
        self.use_half = False
        self.num_conv = 1 if in_channels == 0 else 2
        self.register_buffer("resample_filter", setup_filter())
        if in_channels == 0:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(in_channels, out_channels, w_dim, resolution, up, conv_clamp)
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution, 1, conv_clamp)
        self.torgb = ToRGBLayer(out_channels, img_channels, w_dim, conv_clamp)

    def forward(
        self, x: Tensor | None, image: Tensor | None, ws: Tensor, noise_mode: NoiseMode = "const"
    ) -> tuple[Tensor, Tensor]:
        """One step up.

        Args:
            x: features [N, in, H, W]; None for the first block.
            image: the image so far [N, img_channels, H, W], or None.
            ws: [N, num_conv + 1, w_dim], one for each layer; the last is for the image.
            noise_mode: "const" (the buffers), "random" or "none".

        Returns:
            features [N, out, resolution, resolution] and image [N, img_channels, resolution, resolution].
        """
        dtype = torch.float16 if self.may_use_half and self.use_half and ws.is_cuda else ws.dtype
        latents = iter(ws.unbind(dim=1))
        if self.in_channels == 0:
            x = self.const.to(dtype).expand(ws.shape[0], -1, -1, -1)
        else:
            assert x is not None
            x = self.conv0(x.to(dtype), next(latents), noise_mode)
        x = self.conv1(x, next(latents), noise_mode)
        addition = self.torgb(x, next(latents)).to(ws.dtype)
        if image is None:
            return x, addition
        if self.up == 2:
            image = upsample2d(image, self.resample_filter)
        return x, image + addition


class SynthesisNetwork(nn.Module):
    """Blocks from 4x4 up to img_resolution: ws [N, num_ws, w_dim] -> image [N, img_channels, R, R].

    Args:
        w_dim: length of w.
        img_resolution: R, a power of two from 8 on.
        img_channels: channels of the image.
        channel_base: a block of resolution r has channel_base / r channels,
        channel_max: but no more than these.
        num_fp16_res: so many of the highest resolutions may compute in float16 on a GPU.
        conv_clamp: largest magnitude of the features in those blocks.
    """

    def __init__(
        self,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        channel_base: int = 32768,
        channel_max: int = 512,
        num_fp16_res: int = 0,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        if img_resolution < 8 or img_resolution & (img_resolution - 1):
            raise ValueError(f"plane resolution {img_resolution}: must be a power of two from 8 on")
        levels = int(math.log2(img_resolution))
        self.resolutions = [2**level for level in range(2, levels + 1)]
        first_half = 2 ** max(levels + 1 - num_fp16_res, 3)
        channels = {r: min(channel_base // r, channel_max) for r in self.resolutions}
        for r in self.resolutions:
            block = SynthesisBlock(
                channels[r // 2] if r > 4 else 0, channels[r], w_dim, r, img_channels,
                conv_clamp=conv_clamp, half=r >= first_half,
            )  # fmt: skip
            self.add_module(f"b{r}", block)
        self.num_ws = 2 * len(self.resolutions)

    def forward(self, ws: Tensor, noise_mode: NoiseMode = "const", last: int | None = None) -> Tensor:
        """The image; ``last`` is the resolution to stop at (progressive growing), None goes on to the end."""
        x: Tensor | None = None
        image: Tensor | None = None
        start = 0
        for resolution in self.resolutions:
            if last is not None and resolution > last:
                break
            block = self.get_submodule(f"b{resolution}")
            assert isinstance(block, SynthesisBlock)
            x, image = block(x, image, ws[:, start : start + block.num_conv + 1], noise_mode)
            start += block.num_conv
        assert image is not None
        return image


class Backbone(nn.Module):
    """Mapping and synthesis network of the planes."""

    def __init__(self, z_dim: int, c_dim: int, mapping_layers: int, synthesis: SynthesisNetwork, w_dim: int) -> None:
        super().__init__()
        self.synthesis = synthesis
        self.mapping = MappingNetwork(z_dim, c_dim, w_dim, synthesis.num_ws, num_layers=mapping_layers)
