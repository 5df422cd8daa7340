"""Where along the rays the field is read: stratified bins first, then where the first pass found something.

Depths are distances along unit ray directions in box units. "midpoint" takes the middle of every bin and evenly
spaced quantiles, so that a rendering is reproducible; "stratified" draws both at random.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Sampling = Literal["stratified", "midpoint"]


def check_sampling(sampling: str) -> None:
    """Raises: ValueError for a name that is not a way of sampling."""
    if sampling not in ("stratified", "midpoint"):
        raise ValueError(f'sampling {sampling!r}: must be "stratified" or "midpoint"')


def stratified_depths(near: Tensor, far: Tensor, count: int, sampling: Sampling, disparity: bool) -> Tensor:
    """One depth in each of `count` bins.

    As in EG3D the bins begin at `count` evenly spaced depths from near to far, so that the last one reaches beyond.

    Args:
        near, far: limits, broadcastable to [N, M, 1].
        count: number of bins, at least 2.
        sampling: "stratified" or "midpoint".
        disparity: space the bins evenly in 1/depth.

    Returns:
        [N, M, count], increasing.
    """
    steps = torch.linspace(0.0, 1.0, count, dtype=near.dtype, device=near.device)
    shape = (*near.shape[:-1], count)
    if sampling == "midpoint":
        jitter = torch.full(shape, 0.5, dtype=near.dtype, device=near.device)
    else:
        jitter = torch.rand(shape, dtype=near.dtype, device=near.device)
    fraction = steps + jitter / (count - 1)
    if disparity:
        return 1.0 / ((1.0 - fraction) / near + fraction / far)
    return near + (far - near) * fraction


@torch.no_grad()
def importance_depths(depths: Tensor, weights: Tensor, count: int, sampling: Sampling) -> Tensor:
    """Depths drawn from the piecewise constant density that the first pass's weights describe.

    The weights are blurred as in mip-NeRF (equation 18: maximum of two neighbours, then their mean, plus 0.01) and
    the outermost ones left out.

    Args:
        depths: [N, M, S] of the first pass.
        weights: [N, M, S-1] of the intervals between them.
        count: number of new depths.
        sampling: "stratified" draws them at random, "midpoint" takes the quantiles (i + 0.5) / count.

    Returns:
        [N, M, count]; not differentiable.
    """
    shape = depths.shape[:-1]
    edges = 0.5 * (depths[..., 1:] + depths[..., :-1]).reshape(-1, depths.shape[-1] - 1)
    flat = weights.reshape(-1, 1, weights.shape[-1])
    blurred = F.avg_pool1d(F.max_pool1d(flat, 2, 1, padding=1), 2, 1).squeeze(1) + 0.01
    if sampling == "midpoint":
        line = (torch.arange(count, dtype=depths.dtype, device=depths.device) + 0.5) / count
        quantiles = line.expand(len(edges), count).contiguous()
    else:
        quantiles = torch.rand(len(edges), count, dtype=depths.dtype, device=depths.device)
    return _invert_cdf(edges, blurred[:, 1:-1], quantiles).reshape(*shape, count)


def _invert_cdf(edges: Tensor, weights: Tensor, quantiles: Tensor, eps: float = 1e-5) -> Tensor:
    """The points below which a fraction `quantiles` [R, K] of the histogram weights [R, B] over edges [R, >B] lies."""
    weights = weights + eps
    cdf = F.pad(torch.cumsum(weights / weights.sum(dim=-1, keepdim=True), dim=-1), (1, 0))
    index = torch.searchsorted(cdf, quantiles, right=True)
    below = (index - 1).clamp(min=0)
    above = index.clamp(max=weights.shape[-1])
    cdf_below, edge_below = cdf.gather(1, below), edges.gather(1, below)
    rise = cdf.gather(1, above) - cdf_below
    rise = torch.where(rise < eps, torch.ones_like(rise), rise)
    return edge_below + (quantiles - cdf_below) / rise * (edges.gather(1, above) - edge_below)
