"""The decoder on a CPU, some thousand points at a time, so that its hidden features stay in the cache.

A rendering decodes a million points; their hidden features and what the layers in between return would fill a
gigabyte until the backward pass. It computes them again instead. `decoder.OSGDecoder.net` defines the values.

Letters: x the features of P points, W and b the weights and biases of the two layers, s the softplus, r the sigmoid:

    p = W1 x + b1,    (sigma, q) = W2 s(p) + b2,    c = 1.002 r(q) - 0.001.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_BLOCK = 2**16
# Near the smallest number of float32 that is not denormal.
_TINY = 1e-37


def decode_in_blocks(
    features: Tensor, inner: Tensor, inner_bias: Tensor, outer: Tensor, outer_bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Density and colours of points.

    Args:
        features: [P, in].
        inner, inner_bias: W1 [hidden, in] and b1 [hidden].
        outer, outer_bias: W2 [1 + out, hidden] and b2 [1 + out].

    Returns:
        densities [P, 1] and colours [P, out]; once differentiable in all arguments.
    """
    return _Decode.apply(features, inner, inner_bias, outer, outer_bias)


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, inner: Tensor, inner_bias: Tensor, outer: Tensor, outer_bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, inner, inner_bias, outer, outer_bias)
        density = features.new_empty(len(features), 1)
        colours = features.new_empty(len(features), len(outer) - 1)
        blocks = (one.split(_BLOCK) for one in (features, density, colours))
        for x, sigma, c in zip(*blocks, strict=True):
            both = torch.addmm(outer_bias, _softplus(torch.addmm(inner_bias, x, inner.t())), outer.t())
            sigma.copy_(both[:, :1])
            torch.sigmoid(both[:, 1:], out=c).mul_(1.002).sub_(0.001)
        return density, colours

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, for_density: Tensor, for_colours: Tensor) -> tuple[Tensor, ...]:
        features, inner, inner_bias, outer, outer_bias = ctx.saved_tensors
        for_features = torch.empty_like(features)
        sums = [torch.zeros_like(one) for one in (inner, inner_bias, outer, outer_bias)]
        weights_too = any(ctx.needs_input_grad[1:])
        blocks = (one.split(_BLOCK) for one in (features, for_density, for_colours, for_features))
        for x, for_sigma, for_c, for_x in zip(*blocks, strict=True):
            before = torch.addmm(inner_bias, x, inner.t())
            hidden = _softplus(before)
            colour = torch.addmm(outer_bias[1:], hidden, outer[1:].t()).sigmoid_()
            for_both = torch.cat([for_sigma, torch.ops.aten.sigmoid_backward(for_c, colour).mul_(1.002)], dim=1)
            for_before = (for_both @ outer).mul_(before.sigmoid_())
            torch.mm(for_before, inner, out=for_x)
            if weights_too:
                parts = (for_before.t() @ x, for_before.sum(dim=0), for_both.t() @ hidden, for_both.sum(dim=0))
                for total, part in zip(sums, parts, strict=True):
                    total += part
        return for_features, *sums


def _softplus(x: Tensor) -> Tensor:
    """s(x) = -log(r(-x)), to the rounding of float32; faster on a CPU than `softplus`, whose log1p is slow."""
    return torch.maximum(x, x.neg().sigmoid_().clamp_min_(_TINY).log_().neg_())
