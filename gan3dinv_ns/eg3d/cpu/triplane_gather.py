"""Bilinear reading of tri-planes as one weighted sum of table rows, which is several times faster on a CPU.

The planes, with a border of zeros, are a table whose rows are pixels; a point's feature is the weighted sum of twelve
rows (four corners in three planes, weights w divided by 3). Letters: (i, j) the pixel at a point's lower corner,
(t, u) its place between that pixel and the next along width and height, so that the corners weigh
(1-t)(1-u), t(1-u), (1-t)u, tu. `triplanes` defines the values, with `grid_sample`.

The gradient for the table is the transposed sum: points are sorted by pixel, and each row sums the gradients of its
points. Both sums are an `embedding_bag`. The gradients for the coordinates need the features of the corners one by one.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_PLANES = 3
# Points whose corners' features are gathered at once: 3 MB of 32 channels.
_BLOCK = 2**11


def plane_table(planes: Tensor) -> Tensor:
    """Planes [N, 3, C, R, R] -> rows [N * 3 * (R + 2)^2, C], with a border of zeros around each plane."""
    pixels = planes.permute(0, 1, 3, 4, 2)
    return F.pad(pixels, (0, 0, 1, 1, 1, 1)).flatten(0, 3)


def gather_mean(table: Tensor, x: Tensor, y: Tensor, resolution: int) -> Tensor:
    """The three planes' mean feature.

    Args:
        table: of `plane_table`.
        x: [N, M, 3] along the width of each plane, in pixels (0 is the middle of the first), within [-1, R].
        y: [N, M, 3] along the height.
        resolution: R.

    Returns:
        [N, M, C]; once differentiable in table, x and y.
    """
    return _GatherMean.apply(table, x, y, resolution)


class _GatherMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, x: Tensor, y: Tensor, resolution: int) -> Tensor:
        base, t, u = _cells(x, y, resolution)
        ctx.save_for_backward(table, base, t, u)
        ctx.stride = resolution + 2
        rows = _corner_rows(base, ctx.stride)
        weights = torch.stack(_corner_weights(t, u), dim=-1).reshape(-1, 4 * _PLANES)
        mean = F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")
        return mean.reshape(*x.shape[:2], -1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        table, base, t, u = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        for_table = for_x = for_y = None
        if ctx.needs_input_grad[0]:
            for_table = _table_gradient(table, base, t, u, flat, ctx.stride)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            for_x, for_y = _coordinate_gradients(table, base, t, u, flat, ctx.stride)
        return for_table, for_x, for_y, None


def _cells(x: Tensor, y: Tensor, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
    """Row of the lower corner [N, M, 3] (int32) and the place (t, u) above it; NaN places read row 0 with NaN."""
    stride = resolution + 2
    left, top = (p.nan_to_num(nan=-1.0).floor().clamp(-1, resolution - 1) for p in (x, y))
    plane = torch.arange(x.shape[0] * _PLANES, dtype=torch.int32).reshape(-1, 1, _PLANES) * stride**2
    base = ((top + 1) * stride + (left + 1)).int() + plane
    return base, x - left, y - top


def _corner_offsets(stride: int) -> tuple[int, int, int, int]:
    return 0, 1, stride, stride + 1


def _corner_rows(base: Tensor, stride: int) -> Tensor:
    """Rows [N * M, 12] of all corners of points, plane by plane."""
    corners = torch.tensor(_corner_offsets(stride), dtype=base.dtype)
    return (base[..., None] + corners).reshape(-1, 4 * _PLANES)


def _corner_weights(t: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The weights of the four corners, divided by the number of planes."""
    upper = u / _PLANES
    lower = 1.0 / _PLANES - upper
    rest = 1.0 - t
    return rest * lower, t * lower, rest * upper, t * upper


def _table_gradient(table: Tensor, base: Tensor, t: Tensor, u: Tensor, gradient: Tensor, stride: int) -> Tensor:
    """Sum of the points' gradients [P, C] in the rows that they were read from."""
    cells, order = base.flatten().sort()
    counts = torch.bincount(cells, minlength=len(table))
    starts = (counts.cumsum(0) - counts).int()
    points = order.div(_PLANES, rounding_mode="floor").int()
    weights = _corner_weights(t.flatten()[order], u.flatten()[order])
    total = torch.zeros_like(table)
    for offset, weight in zip(_corner_offsets(stride), weights, strict=True):
        part = F.embedding_bag(points, gradient, starts, per_sample_weights=weight, mode="sum")
        total[offset:] += part[: len(table) - offset]
    return total


def _coordinate_gradients(
    table: Tensor, base: Tensor, t: Tensor, u: Tensor, gradient: Tensor, stride: int
) -> tuple[Tensor, Tensor]:
    """Gradients of x and y: the slopes, along both, of the features' products with their gradients [P, C]."""
    rows = _corner_rows(base, stride)
    products = gradient.new_empty(rows.shape)
    for some, g, total in zip(rows.split(_BLOCK), gradient.split(_BLOCK), products.split(_BLOCK), strict=True):
        features = table.index_select(0, some.flatten()).view(*some.shape, -1)
        torch.sum(features.mul_(g[:, None]), dim=-1, out=total)
    f, f_x, f_y, f_xy = products.reshape(*base.shape, 4).unbind(dim=-1)
    for_x = torch.lerp(f_x - f, f_xy - f_y, u) / _PLANES
    for_y = torch.lerp(f_y - f, f_xy - f_x, t) / _PLANES
    return for_x, for_y
