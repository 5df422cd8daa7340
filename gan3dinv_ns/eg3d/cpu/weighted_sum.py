"""Sums of colours along rays on a CPU, as sums of table rows: products of a small matrix with a vector for each ray, as
the definition has them, take ten times as long there.

Letters as in `marcher`: y = sum_i v_i c_i over the S samples of a ray; with the gradient g of y those of c_i and v_i
are v_i g and <c_i, g>.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# Rays whose products are summed at once: they stay in the cache.
_BLOCK = 2**8


def weighted_sum(weights: Tensor, colours: Tensor) -> Tensor:
    """sum_i v_i c_i.

    Args:
        weights: [N, M, S].
        colours: [N, M, S, C].

    Returns:
        [N, M, C]; once differentiable on a CPU.
    """
    if colours.device.type == "cpu":
        return _WeightedSum.apply(weights, colours)
    return (colours.mT @ weights[..., None]).squeeze(-1)


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, colours: Tensor) -> Tensor:
        ctx.save_for_backward(weights, colours)
        samples, channels = colours.shape[-2:]
        table, shares = colours.reshape(-1, channels), weights.reshape(-1, samples)
        rows = torch.arange(len(table), dtype=torch.int32).view_as(shares)
        return F.embedding_bag(rows, table, per_sample_weights=shares, mode="sum").view(*weights.shape[:-1], channels)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        weights, colours = ctx.saved_tensors
        spread = gradient.contiguous()[..., None, :]
        for_weights = None
        if ctx.needs_input_grad[0]:
            for_weights = torch.empty_like(weights)
            flat = zip(
                for_weights.flatten(0, 1).split(_BLOCK),
                colours.flatten(0, 1).split(_BLOCK),
                spread.flatten(0, 1).split(_BLOCK),
                strict=True,
            )
            for total, c, g in flat:
                torch.sum(c * g, dim=-1, out=total)
        return for_weights, weights[..., None] * spread if ctx.needs_input_grad[1] else None
