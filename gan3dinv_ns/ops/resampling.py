"""Resampling of images with short FIR filters: upsample, filter, downsample ("upfirdn").

Letters: x is an image batch [N, C, H, W], f a filter of taps [fh, fw] or, for a separable one, [ft].
All functions are differentiable in x and in f. Source: Karras et al., "Analyzing and Improving the Image
Quality of StyleGAN" (2020), appendix B; Zhang, "Making Convolutional Networks Shift-Invariant Again" (2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Padding = tuple[int, int, int, int]


def setup_filter(taps: Sequence[float] = (1, 3, 3, 1)) -> Tensor:
    """The two-dimensional filter [n, n] of the outer product of `taps` [n] with itself, its sum being 1."""
    line = torch.as_tensor(taps, dtype=torch.float32)
    if line.ndim != 1 or line.numel() == 0:
        raise ValueError(f"filter taps must be a non-empty list of numbers, got shape {tuple(line.shape)}")
    square = torch.outer(line, line)
    return square / square.sum()


def upfirdn2d(
    x: Tensor, f: Tensor, up: int = 1, down: int = 1, padding: Padding = (0, 0, 0, 0), gain: float = 1.0
) -> Tensor:
    """Insert up-1 zeros behind every pixel, pad, convolve with gain * f, keep every down-th pixel.

    Args:
        x: images [N, C, H, W].
        f: filter [fh, fw]; it is convolved (the kernel is flipped), not correlated.
        up: factor of the zero insertion.
        down: factor of the decimation.
        padding: zeros added at left, right, top, bottom of the upsampled image; negative values crop.
        gain: factor on the result.

    Returns:
        [N, C, (H * up + top + bottom - fh) // down + 1, the same for W].
    """
    channels, height, width = x.shape[1:]
    if up > 1:
        x = F.pad(x[:, :, :, None, :, None], (0, up - 1, 0, 0, 0, up - 1))
        x = x.reshape(-1, channels, height * up, width * up)
    kernel = (f * gain).flip((0, 1)).to(x.dtype).expand(channels, 1, *f.shape)
    if min(padding) == max(padding) >= 0:
        return F.conv2d(x, kernel, stride=down, padding=padding[0], groups=channels)
    return F.conv2d(F.pad(x, padding), kernel, stride=down, groups=channels)


def upsample2d(x: Tensor, f: Tensor, factor: int = 2) -> Tensor:
    """Enlarge x [N, C, H, W] to [N, C, H*factor, W*factor]; the brightness is kept, beyond the border is zero."""
    taps, gain = f.shape[-1], float(factor * factor)
    before, after = (taps + factor - 1) // 2, (taps - factor) // 2
    crop = taps - 1 - before
    if x.device.type == "cpu" and crop == taps - factor - after:
        # The same sums without the inserted zeros; on a CPU this takes a quarter of the time.
        kernel = (f * gain).to(x.dtype).expand(x.shape[1], 1, *f.shape)
        return F.conv_transpose2d(x, kernel, stride=factor, padding=crop, groups=x.shape[1])
    return upfirdn2d(x, f, up=factor, padding=(before, after, before, after), gain=gain)
