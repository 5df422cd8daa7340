"""Compositing of whole rays in one Triton kernel, forward and backward. Importing this needs Triton.

Letters as in `marcher`, for the S sorted samples of a ray: tau_i the optical depth of interval i,
T_i = exp(-sum_{j<i} tau_j), w_i = (1 - exp(-tau_i)) T_i, v_i = (w_{i-1} + w_i) / 2. The kernel sums v_i c_i, v_i t_i
and w_i. With g_i the gradient of all of them for v_i and G_i = (g_i + g_{i+1}) / 2 that for w_i,

    dL/dtau_k = G_k T_{k+1} - sum_{i>k} G_i w_i.

A program takes one ray. Colours stay where their pass left them and are read in the rays' order. What belongs to a
neighbour of sample i is computed again for i instead of moved.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from gan3dinv_ns.eg3d.backends.triton_functions import absorbed, sigmoid, softplus
from gan3dinv_ns.eg3d.marcher import sample_weights


def composite_rays(
    depths: Tensor, sigma: Tensor, order: Tensor, coarse: Tensor, fine: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums along M rays.

    Args:
        depths, sigma: [M, S], sorted by depth.
        order: which sample it was among those of both passes, first the coarse [M, S].
        coarse, fine: colours [M, S1, C] and [M, S2, C] of both passes, S1 + S2 = S, S2 may be 0.

    Returns:
        sum_i v_i c_i [M, C], sum_i v_i t_i [M] and sum_i w_i [M], float32; once differentiable in all but the order.
    """
    tensors = (one.float().contiguous() for one in (depths, sigma, coarse, fine))
    depths, sigma, coarse, fine = tensors
    return _Composite.apply(depths, sigma, order.contiguous(), coarse, fine)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, depths: Tensor, sigma: Tensor, order: Tensor, coarse: Tensor, fine: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(depths, sigma, order, coarse, fine)
        features = coarse.new_empty(len(coarse), coarse.shape[-1])
        total, opacity = (coarse.new_empty(len(coarse)) for _ in range(2))
        if len(coarse):
            with torch.cuda.device_of(depths):
                _forward[(len(coarse),)](
                    depths, sigma, order, coarse, fine, features, total, opacity, **_sizes(coarse, fine)
                )
        return features, total, opacity

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, for_features: Tensor, for_total: Tensor, for_opacity: Tensor) -> tuple[Tensor | None, ...]:
        depths, _, _, coarse, fine = ctx.saved_tensors
        for_middle, for_length, weights = (torch.zeros_like(depths) for _ in range(3))
        for_coarse, for_fine = torch.empty_like(coarse), torch.empty_like(fine)
        given = (for_features.contiguous(), for_total.contiguous(), for_opacity.contiguous())
        wanted = (for_middle, for_length, weights, for_coarse, for_fine)
        if len(coarse):
            with torch.cuda.device_of(depths):
                _backward[(len(coarse),)](*ctx.saved_tensors, *given, *wanted, **_sizes(coarse, fine))
        for_depths = None
        if ctx.needs_input_grad[0]:
            for_depths = weights * for_total[:, None] - for_length
            for_depths[:, 1:] += for_length[:, :-1]
        return for_depths, sample_weights(for_middle[:, :-1]), None, for_coarse, for_fine


def _sizes(coarse: Tensor, fine: Tensor) -> dict[str, int]:
    samples, channels = coarse.shape[1] + fine.shape[1], coarse.shape[2]
    return {
        "first": coarse.shape[1],
        "samples": samples,
        "channels": channels,
        "BLOCK_S": triton.next_power_of_2(samples),
        "BLOCK_C": triton.next_power_of_2(channels),
    }


@triton.jit
def _interval(depths, sigma, start, i, samples):
    """Length of intervals, and the mean density at their middles, before the activation; length 0 if there is none."""
    there = (i >= 0) & (i < samples - 1)
    at = start + i
    length = tl.load(depths + at + 1, mask=there, other=0.0) - tl.load(depths + at, mask=there, other=0.0)
    near, far = tl.load(sigma + at, mask=there, other=0.0), tl.load(sigma + at + 1, mask=there, other=0.0)
    return length, 0.5 * (near + far) - 1.0


@triton.jit
def _tau(depths, sigma, start, i, samples):
    length, middle = _interval(depths, sigma, start, i, samples)
    return softplus(middle) * length


@triton.jit
def _weights(depths, sigma, start, i, samples):
    """w_i; 0 where there is no interval."""
    before = tl.cumsum(_tau(depths, sigma, start, i - 1, samples), axis=0)
    return absorbed(_tau(depths, sigma, start, i, samples)) * tl.exp(-before)


@triton.jit
def _colours(order, coarse, fine, ray, i, channel, first, samples, channels):
    """Colours [BLOCK_S, BLOCK_C] of samples of a ray; those of no sample are 0."""
    there = i < samples
    place = tl.load(order + ray * samples + i, mask=there, other=0)
    early, late = there & (place < first), there & (place >= first)
    known = (channel < channels)[None, :]
    early_at = (ray * first + place)[:, None] * channels + channel[None, :]
    late_at = (ray * (samples - first) + place - first)[:, None] * channels + channel[None, :]
    early_colour = tl.load(coarse + early_at, mask=early[:, None] & known, other=0.0)
    return early_colour + tl.load(fine + late_at, mask=late[:, None] & known, other=0.0)


@triton.jit
def _forward(
    depths, sigma, order, coarse, fine, features, total, opacity, first, samples, channels,
    BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """The three sums of one ray."""
    ray = tl.program_id(0).to(tl.int64)
    i, channel = tl.arange(0, BLOCK_S), tl.arange(0, BLOCK_C)
    weight = _weights(depths, sigma, ray * samples, i, samples)
    per_sample = 0.5 * (weight + _weights(depths, sigma, ray * samples, i - 1, samples))
    colour = _colours(order, coarse, fine, ray, i, channel, first, samples, channels)
    summed = tl.sum(per_sample[:, None] * colour, axis=0)
    tl.store(features + ray * channels + channel, summed, mask=channel < channels)
    depth = tl.load(depths + ray * samples + i, mask=i < samples, other=0.0)
    tl.store(total + ray, tl.sum(per_sample * depth, axis=0))
    tl.store(opacity + ray, tl.sum(weight, axis=0))


@triton.jit
def _slope(depths, order, coarse, fine, for_feature, for_total, for_opacity, ray, i, channel, first, samples, channels):
    """g_i, the gradient for v_i; 0 where there is no sample."""
    there = i < samples
    depth = tl.load(depths + ray * samples + i, mask=there, other=0.0)
    colour = _colours(order, coarse, fine, ray, i, channel, first, samples, channels)
    along = tl.sum(colour * for_feature[None, :], axis=1)
    return tl.where(there, along + for_total * depth + for_opacity, 0.0)


@triton.jit
def _backward(
    depths, sigma, order, coarse, fine, for_features, for_total, for_opacity,
    for_middle, for_length, weights, for_coarse, for_fine, first, samples, channels,
    BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Gradients of one ray for its colours, lengths and mean densities of its intervals; and its v_i."""
    ray = tl.program_id(0).to(tl.int64)
    start = ray * samples
    i, channel = tl.arange(0, BLOCK_S), tl.arange(0, BLOCK_C)
    known = channel < channels
    for_feature = tl.load(for_features + ray * channels + channel, mask=known, other=0.0)
    for_sum, for_all = tl.load(for_total + ray), tl.load(for_opacity + ray)
    here = _slope(depths, order, coarse, fine, for_feature, for_sum, for_all, ray, i, channel, first, samples, channels)
    after = _slope(
        depths, order, coarse, fine, for_feature, for_sum, for_all, ray, i + 1, channel, first, samples, channels
    )
    for_weight = 0.5 * (here + after)
    weight = _weights(depths, sigma, start, i, samples)
    length, middle = _interval(depths, sigma, start, i, samples)
    left = tl.exp(-tl.cumsum(softplus(middle) * length, axis=0))
    behind = tl.cumsum(for_weight * weight, axis=0, reverse=True) - for_weight * weight
    for_tau = for_weight * left - behind
    interval = i < samples - 1
    tl.store(for_middle + start + i, for_tau * length * sigmoid(middle), mask=interval)
    tl.store(for_length + start + i, for_tau * softplus(middle), mask=interval)
    per_sample = 0.5 * (weight + _weights(depths, sigma, start, i - 1, samples))
    tl.store(weights + start + i, per_sample, mask=i < samples)
    place = tl.load(order + start + i, mask=i < samples, other=0)
    for_colour = per_sample[:, None] * for_feature[None, :]
    early, late = (i < samples) & (place < first), (i < samples) & (place >= first)
    early_at = (ray * first + place)[:, None] * channels + channel[None, :]
    late_at = (ray * (samples - first) + place - first)[:, None] * channels + channel[None, :]
    tl.store(for_coarse + early_at, for_colour, mask=early[:, None] & known[None, :])
    tl.store(for_fine + late_at, for_colour, mask=late[:, None] & known[None, :])
