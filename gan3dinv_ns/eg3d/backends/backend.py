"""What the volume renderer needs computed at points and along rays, and the torch code that defines the values.

A backend computes two things: colours and densities at points of given tri-planes, and the sums along rays. Each
backend agrees with `TORCH` in values and gradients, to its precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.cpu.weighted_sum import weighted_sum
from gan3dinv_ns.eg3d.decoder import Decode
from gan3dinv_ns.eg3d.marcher import expected_depth, interval_weights, sample_weights
from gan3dinv_ns.eg3d.triplanes import PlaneAxes, PlaneReader

PointEvaluator = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Points [N, M, 3] in box units -> colour features [N, M, out] and density before its activation [N, M, 1]."""


class RaySamples(NamedTuple):
    """One pass of S samples along each of M rays."""

    depths: Tensor
    """[N, M, S], increasing."""
    sigma: Tensor
    """Densities before their activation [N, M, S]."""
    colours: Tensor
    """[N, M, S, C]."""


class RaySums(NamedTuple):
    """What the samples of a ray add up to (letters as in `marcher`)."""

    features: Tensor
    """sum_i v_i c_i [N, M, C]."""
    depth: Tensor
    """Mean depth under the weights [N, M, 1], infinite where a ray meets nothing."""
    opacity: Tensor
    """sum_i w_i [N, M, 1]."""


class DecoderBackend(Protocol):
    """How points are decoded and rays composited. Copies of a generator share theirs."""

    @property
    def name(self) -> str:
        """As it is chosen."""

    @property
    def tolerance(self) -> float:
        """Largest relative error (norm of the difference) of values and gradients against `TORCH`."""

    def evaluator(self, planes: Tensor, decoder: Decode, box_warp: float, plane_axes: PlaneAxes) -> PointEvaluator:
        """The field of planes [N, 3, C, R, R]; differentiable in planes, points, and the decoder's parameters.

        Made once for all points of the same planes and weights; see `triplanes.PlaneReader` for the arguments.
        """

    def composite(self, passes: Sequence[RaySamples]) -> RaySums:
        """Sums along rays over one pass of samples, or over two of the same rays together; differentiable."""


@dataclass(frozen=True)
class TorchBackend:
    """The reference, on every device."""

    name: str = "torch"
    tolerance: float = 0.0

    def evaluator(self, planes: Tensor, decoder: Decode, box_warp: float, plane_axes: PlaneAxes) -> PointEvaluator:
        """See `DecoderBackend`."""
        reader = PlaneReader(planes, box_warp, plane_axes)
        return lambda points: decoder(reader(points))

    def composite(self, passes: Sequence[RaySamples]) -> RaySums:
        """See `DecoderBackend`."""
        depths, sigma, order = merged(passes)
        weights = interval_weights(sigma, depths)
        per_sample = sample_weights(weights)
        if order is not None:
            per_sample = per_sample.gather(-1, order.argsort(dim=-1))
        counts = [one.depths.shape[-1] for one in passes]
        parts = [weighted_sum(v, one.colours) for v, one in zip(per_sample.split(counts, -1), passes, strict=True)]
        features = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        opacity = weights.sum(dim=-1, keepdim=True)
        return RaySums(features, expected_depth(weights, depths), opacity)


TORCH = TorchBackend()


def merged(passes: Sequence[RaySamples]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Depths and densities [N, M, S] of one or two passes, sorted by depth, and the order that sorts them."""
    if len(passes) == 1:
        return passes[0].depths, passes[0].sigma, None
    depths, order = torch.cat([one.depths for one in passes], dim=-1).sort(dim=-1)
    return depths, torch.cat([one.sigma for one in passes], dim=-1).gather(-1, order), order
