"""Two-pass volume rendering of tri-planes (EG3D, section 4.1; NeRF, section 5.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gan3dinv_ns.eg3d.backends.backend import TORCH, DecoderBackend, PointEvaluator, RaySamples
from gan3dinv_ns.eg3d.config import RenderingOptions
from gan3dinv_ns.eg3d.decoder import Decode
from gan3dinv_ns.eg3d.depth_samples import Sampling, check_sampling, importance_depths, stratified_depths
from gan3dinv_ns.eg3d.marcher import interval_weights

# Points that are decoded at once: about 150 MB without gradients, 200 MB with them.
POINTS_PER_CHUNK = 2**18


@dataclass(frozen=True)
class Rendering:
    """What M rays see: features [N, M, C] in [-1, 1], depth [N, M, 1] in box units, opacity [N, M, 1] in [0, 1]."""

    features: Tensor
    depth: Tensor
    weights_sum: Tensor


def render_rays(
    planes: Tensor,
    decoder: Decode,
    origins: Tensor,
    directions: Tensor,
    options: RenderingOptions,
    sampling: Sampling = "stratified",
    limits: tuple[Tensor, Tensor] | None = None,
    backend: DecoderBackend = TORCH,
) -> Rendering:
    """Cast rays through tri-planes.

    Depths are clamped to the smallest and largest sample depth of all rays together, as EG3D does: a ray that meets
    nothing has the largest. Without gradients, and on a CPU, the rays are cut into chunks, which bounds the memory: a
    chunk's intermediate results are computed again in the backward pass.

    Args:
        planes: [N, 3, C, R, R].
        decoder: from plane features to colour features and density.
        origins: [N, M, 3].
        directions: [N, M, 3], of unit length.
        options: near, far, numbers of samples, background.
        sampling: "stratified" (random) or "midpoint" (reproducible).
        limits: near and far [N, M, 1] of every ray, equal where it meets nothing; None takes those of the options.
        backend: decodes points and composites rays.
    """
    check_sampling(sampling)
    near, far = _ray_limits(origins, directions, options) if limits is None else limits
    count = origins.shape[1]
    if not torch.is_grad_enabled() or origins.device.type == "cpu":
        samples = max(options.depth_resolution, options.depth_resolution_importance)
        count = max(1, POINTS_PER_CHUNK // (samples * origins.shape[0]))
    field = backend.evaluator(planes, decoder, options.box_warp, options.plane_axes)
    chunks = zip(
        origins.split(count, 1),
        directions.split(count, 1),
        near.split(count, 1),
        far.split(count, 1),
        strict=True,
    )
    forget = torch.is_grad_enabled() and count < origins.shape[1]
    render = partial(checkpoint, _render_chunk, use_reentrant=False) if forget else _render_chunk
    parts = [render(field, backend, o, d, n, f, options, sampling) for o, d, n, f in chunks]
    features, depth, weights_sum = (torch.cat([part[i] for part in parts], dim=1) for i in range(3))
    shallowest = torch.stack([part[3] for part in parts]).min()
    deepest = torch.stack([part[4] for part in parts]).max()
    return Rendering(features, depth.clamp(shallowest, deepest), weights_sum)


def _render_chunk(
    field: PointEvaluator,
    backend: DecoderBackend,
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    options: RenderingOptions,
    sampling: Sampling,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Features, unclamped depth, opacity, and the smallest and the largest depth that was sampled."""

    def evaluate(depths: Tensor) -> RaySamples:
        points = origins[:, :, None] + depths[..., None] * directions[:, :, None]
        colours, sigma = field(points.flatten(1, 2))
        return RaySamples(depths, sigma.reshape(depths.shape), colours.reshape(*depths.shape, -1))

    depths = stratified_depths(near, far, options.depth_resolution, sampling, options.disparity_space_sampling)
    passes = [evaluate(depths)]
    if options.depth_resolution_importance > 0:
        coarse = interval_weights(passes[0].sigma.detach(), depths.detach())
        fine_depths = importance_depths(depths, coarse, options.depth_resolution_importance, sampling)
        passes.append(evaluate(fine_depths))
    features, depth, opacity = backend.composite(passes)
    if options.white_back:
        features = features + 1.0 - opacity
    ranges = [one.depths.detach().aminmax() for one in passes]
    shallowest, deepest = (torch.stack([one[i] for one in ranges]) for i in (0, 1))
    return features * 2.0 - 1.0, depth, opacity, shallowest.min(), deepest.max()


def _ray_limits(origins: Tensor, directions: Tensor, options: RenderingOptions) -> tuple[Tensor, Tensor]:
    """Near and far depth [N, M, 1] of every ray."""
    if options.ray_start is not None and options.ray_end is not None:
        one = torch.ones_like(origins[..., :1])
        return one * options.ray_start, one * options.ray_end
    return _box_limits(origins.detach(), directions.detach(), options.box_warp)


def _box_limits(origins: Tensor, directions: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """Where the rays enter and leave the cube of the given side around the origin.

    Rays that miss it take the smallest and the largest entry of those that meet it, as EG3D does.
    """
    inverse = 1.0 / torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    first, second = (-0.5 * side - origins) * inverse, (0.5 * side - origins) * inverse
    near = torch.minimum(first, second).amax(dim=-1, keepdim=True).clamp(min=0.0)
    far = torch.maximum(first, second).amin(dim=-1, keepdim=True)
    hit = far > near
    # Whether any ray meets it is left to the device: a GPU would have to finish its work before it could answer.
    some = hit.any()
    first = torch.where(some, near.masked_fill(~hit, math.inf).amin(), 1.0)
    last = torch.where(some, near.masked_fill(~hit, -math.inf).amax(), 1.0 + side)
    return torch.where(hit, near, first), torch.where(hit, far, last)
