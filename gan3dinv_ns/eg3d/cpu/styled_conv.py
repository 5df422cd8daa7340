"""A styled layer for one image on a CPU: modulated convolution, noise, bias and leaky ReLU in one piece.

Letters: x the features, w_oi a kernel of 3x3 weights, s_i a style, d_o a demodulation factor, b_o a bias, n the noise
image, F the filter that smooths after twofold upsampling (else the identity), a the leaky ReLU with slope 0.2:

    y = clamp(a(z + sqrt(2) (b + n))),    z = F (k * x),    k_oi = sqrt(2) d_o s_i w_oi.

With one image the scales belong into the kernel, and as a(c v) = c a(v) for c > 0, so does the activation's gain.

The backward pass keeps x and y alone: y tells where the leaky ReLU bent (Rota Bulò et al., "In-place activated
BatchNorm", 2018). As k is proportional to s_i and to d_o, the gradients of both are sums over pixels, and no gradient
of the kernel is needed for them:

    s_i dL/ds_i = <x_i, dL/dx_i>,    d_o dL/dd_o = <z_o, dL/dz_o>,    <z + sqrt(2)(b + n), dL/dz> = <y, dL/dy>,

the last where y is not clamped. `layers.modulated_conv2d` and `layers.bias_activation` define the values.

The convolution itself, k * x, may be multiplied in a shorter type, and so may its two gradients; what goes in and comes
out, and all the rest, stays as it is.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.eg3d.layers import LRELU_GAIN, SLOPE, demodulation_factors

# The smoothing filter has so many taps along each side; with this padding it leaves 2H of 2H+1 pixels.
_TAPS, _PADDING = 4, 1
# A style of zero counts as this: its gradient is a quotient by it.
_SMALLEST_STYLE = 1e-20
# Pixels whose products are summed at once: they stay in the cache.
_BLOCK = 2**16


def styled_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    bias: Tensor,
    noise: Tensor | None = None,
    upsampling_filter: Tensor | None = None,
    clamp: float | None = None,
    products: torch.dtype | None = None,
    gradient_products: torch.dtype | None = None,
) -> Tensor:
    """The layer's output for one image; fastest where x lies channels last in memory, as the result does.

    Args:
        x: [1, in, H, W].
        weight: [out, in, 3, 3].
        styles: [1, in].
        bias: [out].
        noise: image [H*up, W*up] that is added to all channels, or None.
        upsampling_filter: the filter [4, 4] that smooths after upsampling (up is 2); None keeps the size (up is 1).
        clamp: largest magnitude of the result; None leaves it free.
        products: what the convolution is multiplied in, such as torch.bfloat16; None takes x's type.
        gradient_products: what its gradients are multiplied in; None takes x's type.

    Returns:
        [1, out, H*up, W*up]; once differentiable in x, weight, styles, bias and noise.
    """
    assert upsampling_filter is None or upsampling_filter.shape == (_TAPS, _TAPS)
    demodulation = demodulation_factors(weight, styles)[0]
    style = styles[0] + _SMALLEST_STYLE * (styles[0].detach() == 0)
    types = (products or x.dtype, gradient_products or x.dtype)
    return _StyledConv.apply(x, weight, style, demodulation, bias, noise, upsampling_filter, clamp, *types)


class _StyledConv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        style: Tensor,
        demodulation: Tensor,
        bias: Tensor,
        noise: Tensor | None,
        taps: Tensor | None,
        clamp: float | None,
        products: torch.dtype,
        gradient_products: torch.dtype,
    ) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        kernel = _fold(weight, style, demodulation).to(products)
        if taps is None:
            y = F.conv2d(x.to(products), kernel, (bias * LRELU_GAIN).to(products), padding=1).to(x.dtype)
        else:
            y = F.conv_transpose2d(x.to(products), kernel.transpose(0, 1), stride=2).to(x.dtype)
            y = _smooth(y, taps.flip((0, 1)), bias * LRELU_GAIN, _PADDING)
        if noise is not None:
            y = y.add_(noise, alpha=LRELU_GAIN)
        y = F.leaky_relu_(y, SLOPE)
        if clamp is not None:
            y = y.clamp_(-clamp, clamp)
        ctx.save_for_backward(x, weight, style, demodulation, bias, noise, taps, y)
        ctx.clamp, ctx.products = clamp, gradient_products
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, style, demodulation, bias, noise, taps, y = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        if ctx.clamp is not None:
            gradient = torch.ops.aten.hardtanh_backward(gradient, y, -ctx.clamp, ctx.clamp)
        product = _channel_products(gradient, y)
        # In place where it is ours.
        target = torch.empty_like(gradient) if ctx.clamp is None else gradient
        torch.ops.aten.leaky_relu_backward.grad_input(gradient, y, SLOPE, True, grad_input=target)
        gradient = target
        for_bias = gradient.sum(dim=(0, 2, 3)) * LRELU_GAIN
        product = product - bias * for_bias
        for_noise = None
        if noise is not None:
            pixels = gradient.permute(0, 2, 3, 1).reshape(-1, len(bias))
            product = product - LRELU_GAIN * (noise.reshape(-1) @ pixels)
            if ctx.needs_input_grad[5]:
                for_noise = pixels.sum(dim=1).reshape(noise.shape) * LRELU_GAIN
        if taps is not None:
            gradient = _smooth(gradient, taps, None, _TAPS - 1 - _PADDING)
        kernel = _fold(weight, style, demodulation).to(ctx.products)
        for_x, for_kernel = _convolution_backward(
            gradient.to(ctx.products), x.to(ctx.products), kernel, taps is not None, ctx.needs_input_grad[1]
        )
        for_x = for_x.to(x.dtype)
        for_weight = None if for_kernel is None else _fold(for_kernel.to(x.dtype), style, demodulation)
        for_style = _channel_products(for_x, x) / style
        return for_x, for_weight, for_style, product / demodulation, for_bias, for_noise, None, None, None, None


def _fold(weight: Tensor, style: Tensor, demodulation: Tensor) -> Tensor:
    """sqrt(2) d_o s_i w_oi [out, in, k, k]."""
    return weight * torch.outer(demodulation * LRELU_GAIN, style)[:, :, None, None]


def _smooth(x: Tensor, taps: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """Correlate every channel of x [1, C, H, W] with the taps [t, t], the gain 4 of upsampling included."""
    channels = x.shape[1]
    return F.conv2d(x, (taps * 4.0).expand(channels, 1, *taps.shape), bias, padding=padding, groups=channels)


def _convolution_backward(
    gradient: Tensor, x: Tensor, kernel: Tensor, up: bool, kernel_too: bool
) -> tuple[Tensor, Tensor | None]:
    """Gradients of the (transposed, if up) convolution's input and kernel [out, in, 3, 3]."""
    weight = kernel.transpose(0, 1) if up else kernel
    stride, padding = (2, 0) if up else (1, 1)
    for_x, for_weight, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], up, [0, 0], 1, [True, kernel_too, False]
    )
    return for_x, for_weight.transpose(0, 1) if up and kernel_too else for_weight


def _channel_products(a: Tensor, b: Tensor) -> Tensor:
    """<a_c, b_c> [C] over the pixels of a and b [1, C, H, W], both channels last."""
    pairs = (one.permute(0, 2, 3, 1).reshape(-1, one.shape[1]).split(_BLOCK) for one in (a, b))
    return torch.stack([(p * q).sum(dim=0) for p, q in zip(*pairs, strict=True)]).sum(dim=0)
