"""The decoder on a CPU, some thousand points at a time, so that what its layers return in between stays in the cache.

`decoder.OSGDecoder.net` defines the values. Letters: x the features of P points, W and b the weights and biases of the
two layers, s the softplus, r the sigmoid:

    h = s(W1 x + b1),    (sigma, q) = W2 h + b2,    c = 1.002 r(q) - 0.001.

The backward pass needs h, as s'(p) = r(p) = 1 - exp(-h), and c, as r' = r (1 - r).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

_BLOCK = 2**12
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
    arguments = (features, inner, inner_bias, outer, outer_bias)
    return _Decode.apply(*arguments, torch.is_grad_enabled() and any(one.requires_grad for one in arguments))


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        inner: Tensor,
        inner_bias: Tensor,
        outer: Tensor,
        outer_bias: Tensor,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        density = features.new_empty(len(features), 1)
        colours = features.new_empty(len(features), len(outer) - 1)
        hidden = features.new_empty(len(features) if keep else min(_BLOCK, len(features)), len(inner))
        for part in _blocks(len(features)):
            h = _hidden(features[part], inner, inner_bias, hidden[part] if keep else hidden[: part.stop - part.start])
            both = torch.addmm(outer_bias, h, outer.t())
            density[part] = both[:, :1]
            torch.sigmoid(both[:, 1:], out=colours[part]).mul_(1.002).sub_(0.001)
        if keep:
            ctx.save_for_backward(features, inner, outer, hidden, colours)
        return density, colours

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, for_density: Tensor, for_colours: Tensor) -> tuple[Tensor | None, ...]:
        features, inner, outer, hidden, colours = ctx.saved_tensors
        for_features = torch.empty_like(features)
        sums = [torch.zeros_like(one) for one in (inner, inner[:, 0], outer, outer[:, 0])]
        weights_too = any(ctx.needs_input_grad[1:5])
        for part in _blocks(len(features)):
            x, h, shares = features[part], hidden[part], colours[part].add(0.001).div_(1.002)
            for_q = torch.ops.aten.sigmoid_backward(for_colours[part], shares).mul_(1.002)
            for_both = torch.cat([for_density[part], for_q], dim=1)
            for_before = (for_both @ outer).mul_(h.neg().exp_().neg_().add_(1.0))
            torch.mm(for_before, inner, out=for_features[part])
            if weights_too:
                sums[0].addmm_(for_before.t(), x)
                sums[1] += for_before.sum(dim=0)
                sums[2].addmm_(for_both.t(), h)
                sums[3] += for_both.sum(dim=0)
        return for_features, *sums, None


def _blocks(count: int) -> Iterator[slice]:
    return (slice(begin, min(begin + _BLOCK, count)) for begin in range(0, count, _BLOCK))


def _hidden(x: Tensor, inner: Tensor, inner_bias: Tensor, out: Tensor) -> Tensor:
    """h [B, hidden], written to ``out``.

    s(p) = -log(r(-p)), to the rounding of float32, takes a quarter of the time of `softplus`, whose log1p is slow.
    """
    before = torch.addmm(inner_bias, x, inner.t(), out=out)
    return torch.maximum(before, before.neg().sigmoid_().clamp_min_(_TINY).log_().neg_(), out=out)
