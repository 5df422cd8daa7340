"""Layers that all of the networks share: equalised fully connected and convolution layers, modulation.

Letters: w_ij a weight, s_i a style, d_o a demodulation factor. Weights are stored with unit variance and multiplied
by 1/sqrt(fan-in) when they are used ("equalised learning rate", Karras et al., "Progressive Growing", 2018).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan3dinv_ns.ops.resampling import setup_filter, upfirdn2d

Activation = Literal["linear", "lrelu"]

SLOPE, LRELU_GAIN = 0.2, math.sqrt(2.0)
"""Of the leaky ReLU for negative numbers, and what keeps the variance after it."""

_GAINS: dict[str, float] = {"linear": 1.0, "lrelu": LRELU_GAIN}


def normalize_second_moment(x: Tensor, eps: float = 1e-8) -> Tensor:
    """x [N, C] divided by the root mean square of its channels."""
    return x * (x.square().mean(dim=1, keepdim=True) + eps).rsqrt()


def bias_activation(
    x: Tensor,
    bias: Tensor | None,
    activation: Activation = "linear",
    gain: float = 1.0,
    clamp: float | None = None,
) -> Tensor:
    """clamp(gain * gain_of_activation * activation(x + bias)).

    Args:
        x: [N, C, ...].
        bias: [C] or None.
        activation: "lrelu" has slope 0.2 below zero and its gain sqrt(2) keeps the variance.
        gain: further factor.
        clamp: largest magnitude of the result, scaled with gain; None leaves it free.
    """
    if bias is not None:
        x = x + bias.to(x.dtype).reshape(1, -1, *([1] * (x.ndim - 2)))
    if activation == "lrelu":
        x = F.leaky_relu(x, SLOPE)
    factor = gain * _GAINS[activation]
    if factor != 1.0:
        x = x * factor
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)


class _BentAndClamped(torch.autograd.Function):
    """clamp(leaky_relu(x)), in place: the backward pass needs the result only, which the next layer keeps as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float, bound: float) -> Tensor:
        y = F.leaky_relu_(x, slope).clamp_(-bound, bound)
        ctx.mark_dirty(y)
        ctx.save_for_backward(y)
        ctx.slope, ctx.bound = slope, bound
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        gradient = torch.ops.aten.hardtanh_backward(gradient, y, -ctx.bound, ctx.bound)
        return torch.ops.aten.leaky_relu_backward(gradient, y, ctx.slope, True), None, None


class FullyConnected(nn.Module):
    """y = activation(x W^T * lr_multiplier / sqrt(in) + b * lr_multiplier), x [N, in] -> y [N, out]."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: Activation = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init))
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def scaled(self) -> tuple[Tensor, Tensor]:
        """Weight [out, in] and bias [out] as they are used."""
        return self.weight * self.weight_gain, self.bias * self.bias_gain

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = (one.to(x.dtype) for one in self.scaled())
        return bias_activation(F.linear(x, weight, bias), None, self.activation)


def upsampling_conv2d(x: Tensor, weight: Tensor, resample_filter: Tensor) -> Tensor:
    """Convolution fused with twofold upsampling: [N, in, H, W] -> [N, out, 2H, 2W].

    The transposed convolution of stride 2 gives 2H+1 pixels, which the filter smooths into 2H.
    """
    x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    surplus = weight.shape[-1] - 1
    before = surplus // 2 + (resample_filter.shape[-1] + 1) // 2 - surplus
    after = surplus // 2 + (resample_filter.shape[-1] - 2) // 2 - surplus + 1
    return upfirdn2d(x, resample_filter, padding=(before, after, before, after), gain=4.0)


def downsampling_conv2d(x: Tensor, weight: Tensor, resample_filter: Tensor, bias: Tensor | None = None) -> Tensor:
    """Low-pass filter, then convolution of stride 2 with bias: [N, in, H, W] -> [N, out, H/2, W/2]."""
    reach = weight.shape[-1] // 2
    before = reach + (resample_filter.shape[-1] - 1) // 2
    after = reach + (resample_filter.shape[-1] - 2) // 2
    padding = (before, after, before, after)
    if weight.shape[-1] == 1:
        return F.conv2d(upfirdn2d(x, resample_filter, down=2, padding=padding), weight, bias)
    return F.conv2d(upfirdn2d(x, resample_filter, padding=padding), weight, bias, stride=2)


def demodulation_factors(weight: Tensor, styles: Tensor) -> Tensor:
    """d_o = 1/sqrt(sum_i,k (s_i w_oik)^2 + 1e-8) [N, out] of weight [out, in, k, k] and styles s [N, in]."""
    energy = weight.square().sum(dim=(2, 3))
    return (styles.square() @ energy.t() + 1e-8).rsqrt()


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    demodulate: bool = True,
    up: int = 1,
    resample_filter: Tensor | None = None,
) -> Tensor:
    """Convolution whose input channels are scaled by styles and whose outputs are brought to unit variance.

    y_o = d_o * sum_i w_oi * (s_i x_i) with d_o = 1/sqrt(sum_i,k (s_i w_oik)^2 + 1e-8)
    (Karras et al. 2020, equations 1 and 3). The scales stand before and behind one ordinary convolution that all
    images of the batch share, which is the same function as a grouped convolution with a weight for every image.

    Args:
        x: [N, in, H, W].
        weight: [out, in, k, k] with odd k.
        styles: [N, in].
        demodulate: False leaves out d_o.
        up: 1 or 2.
        resample_filter: the filter [fh, fw] that smooths when up is 2.

    Returns:
        [N, out, H*up, W*up].
    """
    demodulation = None
    if demodulate:
        demodulation = demodulation_factors(weight, styles)
        if x.dtype == torch.float16:
            largest = styles.abs().amax(dim=1, keepdim=True).clamp(min=1e-8)
            styles, demodulation = styles / largest, demodulation * largest
    x = x * styles.to(x.dtype)[:, :, None, None]
    kernel = weight.to(x.dtype)
    if up == 1:
        x = F.conv2d(x, kernel, padding=weight.shape[-1] // 2)
    else:
        assert up == 2 and resample_filter is not None
        x = upsampling_conv2d(x, kernel, resample_filter)
    return x if demodulation is None else x * demodulation.to(x.dtype)[:, :, None, None]


class Conv2dLayer(nn.Module):
    """Equalised convolution [N, in, H, W] -> [N, out, H/down, W/down] with bias and activation."""

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        bias: bool = True,
        activation: Activation = "linear",
        down: int = 1,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.down = down
        self.conv_clamp = conv_clamp
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.register_buffer("resample_filter", setup_filter())
        self.weight_gain = 1.0 / math.sqrt(in_channels * kernel_size**2)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        # a(c v) = c a(v) for c > 0, so the activation's gain goes into weight and bias.
        gain_of_all = gain * _GAINS[self.activation]
        weight = (self.weight * (self.weight_gain * gain_of_all)).to(x.dtype)
        bias = None if self.bias is None else (self.bias * gain_of_all).to(x.dtype)
        if self.down == 1:
            x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        else:
            x = downsampling_conv2d(x, weight, self.resample_filter, bias)
        slope = SLOPE if self.activation == "lrelu" else 1.0
        bound = math.inf if self.conv_clamp is None else self.conv_clamp * gain
        return x if (slope, bound) == (1.0, math.inf) else _BentAndClamped.apply(x, slope, bound)
