"""The decoder backend of Triton kernels. Importing this needs Triton; `choice` says whether it can be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.backends.backend import PointEvaluator, RaySamples, RaySums, merged
from gan3dinv_ns.eg3d.backends.triton_composite import composite_rays
from gan3dinv_ns.eg3d.backends.triton_points import decode_points, dot_precision
from gan3dinv_ns.eg3d.decoder import Decode, OSGDecoder
from gan3dinv_ns.eg3d.marcher import mean_depth
from gan3dinv_ns.eg3d.triplanes import PlaneAxes


@dataclass(frozen=True)
class TritonBackend:
    """One kernel from points to colours and densities, one along rays; float32 throughout."""

    name: str = "triton"

    @property
    def tolerance(self) -> float:
        """See `backend.DecoderBackend`."""
        return 1e-3 if dot_precision() == "ieee" else 1e-2

    def evaluator(self, planes: Tensor, decoder: Decode, box_warp: float, plane_axes: PlaneAxes) -> PointEvaluator:
        """See `backend.DecoderBackend`."""
        assert isinstance(decoder, OSGDecoder)
        weights = decoder.scaled_weights()
        # Views of one head share its planes, which are expanded: one copy of them will do.
        shared = planes.stride(0) == 0
        table = (planes[:1] if shared else planes).permute(0, 1, 3, 4, 2).contiguous()

        def evaluate(points: Tensor) -> tuple[Tensor, Tensor]:
            flat = points.reshape(1, -1, 3) if shared else points
            colours, sigma = decode_points(flat, table, weights, box_warp, plane_axes == "yz")
            return colours.reshape(*points.shape[:-1], colours.shape[-1]), sigma.reshape(*points.shape[:-1], 1)

        return evaluate

    def composite(self, passes: Sequence[RaySamples]) -> RaySums:
        """See `backend.DecoderBackend`."""
        depths, sigma, order = merged(passes)
        if order is None:
            order = torch.arange(depths.shape[-1], device=depths.device).expand_as(depths)
        coarse = passes[0].colours
        fine = passes[1].colours if len(passes) > 1 else coarse[..., :0, :]
        rays, channels = depths.shape[:-1], coarse.shape[-1]
        flat = (one.flatten(0, 1) for one in (depths, sigma, order, coarse, fine))
        features, total, opacity = composite_rays(*flat)
        opacity = opacity.reshape(*rays, 1)
        return RaySums(features.reshape(*rays, channels), mean_depth(total.reshape(*rays, 1), opacity), opacity)
