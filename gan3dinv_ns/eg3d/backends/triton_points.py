"""Colours and densities of points by the kernels of `triton_point_kernels`, as a differentiable function.

Importing this needs Triton. The field of `backend.TORCH` defines the values.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor

from gan3dinv_ns.eg3d.backends.triton_point_kernels import points_backward, points_forward

# Points that one program holds at a time, and how it runs: with more points, fewer warps or loads ahead of their use,
# what it holds does not fit the registers and, before Ampere, the shared memory.
_BLOCK = 32
_LAUNCH = {"num_warps": 8, "num_stages": 1}
# Programs of the backward pass, among which the blocks are dealt out; each sums its weights' gradients.
_PROGRAMS = 512
# Sides of what `tl.dot` multiplies are at least this.
_SMALLEST_SIDE = 16


def decode_points(
    points: Tensor, planes: Tensor, weights: tuple[Tensor, Tensor, Tensor, Tensor], box_warp: float, yz: bool
) -> tuple[Tensor, Tensor]:
    """The decoded mean features of tri-planes at points.

    Args:
        points: [N, M, 3] in box units.
        planes: channels last, [N, 3, R, R, C].
        weights: W1 [hidden, C], b1 [hidden], W2 [1 + out, hidden], b2 [1 + out], as they are used; hidden a power of 2.
        box_warp: side of the cube that the planes cover.
        yz: whether the third plane is read at (y, z), else at (z, x).

    Returns:
        colours [N, M, out] and densities before their activation [N, M, 1], float32; once differentiable in points
        (piecewise), planes and weights. The planes' gradient is summed in no fixed order.
    """
    colours, density = _Decode.apply(
        points.float().contiguous(),
        planes.float().contiguous(),
        *(weight.float().contiguous() for weight in weights),
        planes.shape[2] / box_warp,
        yz,
    )
    return colours, density[..., None]


def dot_precision() -> str:
    """How kernels multiply: in float32, unless torch's own products may be faster (set_float32_matmul_precision)."""
    return "ieee" if torch.get_float32_matmul_precision() == "highest" else "tf32"


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        points: Tensor,
        planes: Tensor,
        inner: Tensor,
        inner_bias: Tensor,
        outer: Tensor,
        outer_bias: Tensor,
        scale: float,
        yz: bool,
    ) -> tuple[Tensor, Tensor]:
        tensors = (points, planes, inner, inner_bias, outer, outer_bias)
        ctx.save_for_backward(*tensors)
        ctx.scale, ctx.yz = scale, yz
        colours = points.new_empty(*points.shape[:2], len(outer) - 1)
        density = points.new_empty(points.shape[:2])
        if density.numel():
            sizes, constants = _sizes(points, planes, inner, outer, scale, yz)
            grid = (triton.cdiv(density.numel(), _BLOCK),)
            with torch.cuda.device_of(points):
                points_forward[grid](*tensors, colours, density, *sizes, **constants, **_LAUNCH)
        return colours, density

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, for_colours: Tensor, for_density: Tensor) -> tuple[Tensor | None, ...]:
        points, planes, inner, inner_bias, outer, outer_bias = ctx.saved_tensors
        count = points.shape[0] * points.shape[1]
        programs = min(triton.cdiv(count, _BLOCK), _PROGRAMS)
        of_points, of_planes = ctx.needs_input_grad[:2]
        of_weights = any(ctx.needs_input_grad[2:6])
        for_points = torch.empty_like(points) if of_points else points
        for_planes = torch.zeros_like(planes) if of_planes else planes
        weights = (inner, inner_bias, outer, outer_bias)
        sums = [one.new_empty(programs, *one.shape) if of_weights else one for one in weights]
        sizes, constants = _sizes(points, planes, inner, outer, ctx.scale, ctx.yz)
        wanted = {"POINTS": of_points, "PLANES": of_planes, "WEIGHTS": of_weights}
        if count:
            with torch.cuda.device_of(points):
                points_backward[(programs,)](
                    *ctx.saved_tensors,
                    for_colours.contiguous(),
                    for_density.contiguous(),
                    for_points,
                    for_planes,
                    *sums,
                    *sizes,
                    **constants,
                    **wanted,
                    **_LAUNCH,
                )
        return (
            for_points if of_points else None,
            for_planes if of_planes else None,
            *(one.sum(dim=0) if of_weights else None for one in sums),
            None,
            None,
        )


def _sizes(
    points: Tensor, planes: Tensor, inner: Tensor, outer: Tensor, scale: float, yz: bool
) -> tuple[tuple[int | float, ...], dict[str, int | bool | str]]:
    """The kernels' numbers, and what they are compiled for."""
    resolution, channels, outputs = planes.shape[2], planes.shape[4], len(outer) - 1
    numbers = (points.shape[0] * points.shape[1], points.shape[1], resolution, scale, channels, outputs)
    return numbers, {
        "HIDDEN": len(inner),
        "BLOCK": _BLOCK,
        "BLOCK_C": max(_SMALLEST_SIDE, triton.next_power_of_2(channels)),
        "BLOCK_O": max(_SMALLEST_SIDE, triton.next_power_of_2(outputs)),
        "YZ": yz,
        "PRECISION": dot_precision(),
    }
