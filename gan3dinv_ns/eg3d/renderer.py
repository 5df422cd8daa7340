"""Two-pass volume rendering of tri-planes (EG3D, section 4.1; NeRF, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.config import RenderingOptions
from gan3dinv_ns.eg3d.decoder import Decode
from gan3dinv_ns.eg3d.depth_samples import Sampling, check_sampling, importance_depths, stratified_depths
from gan3dinv_ns.eg3d.marcher import expected_depth, interval_weights, sample_weights
from gan3dinv_ns.eg3d.triplanes import PlaneReader
from gan3dinv_ns.eg3d.weighted_sum import weighted_sum

# Points that are decoded at once where no gradient is wanted, about 150 MB.
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
) -> Rendering:
    """Cast rays through tri-planes.

    Depths are clamped to the smallest and largest sample depth of all rays together, as EG3D does: a ray that meets
    nothing has the largest. Without gradients the rays are cut into chunks, which bounds the memory.

    Args:
        planes: [N, 3, C, R, R].
        decoder: from plane features to colour features and density.
        origins: [N, M, 3].
        directions: [N, M, 3], of unit length.
        options: near, far, numbers of samples, background.
        sampling: "stratified" (random) or "midpoint" (reproducible).
        limits: near and far [N, M, 1] of every ray, equal where it meets nothing; None takes those of the options.
    """
    check_sampling(sampling)
    near, far = _ray_limits(origins, directions, options) if limits is None else limits
    count = origins.shape[1]
    if not torch.is_grad_enabled():
        samples = max(options.depth_resolution, options.depth_resolution_importance)
        count = max(1, POINTS_PER_CHUNK // (samples * origins.shape[0]))
    reader = PlaneReader(planes, options.box_warp, options.plane_axes)
    chunks = zip(
        origins.split(count, 1),
        directions.split(count, 1),
        near.split(count, 1),
        far.split(count, 1),
        strict=True,
    )
    parts = [_render_chunk(reader, decoder, o, d, n, f, options, sampling) for o, d, n, f in chunks]
    features, depth, weights_sum = (torch.cat([part[i] for part in parts], dim=1) for i in range(3))
    shallowest = torch.stack([part[3] for part in parts]).min()
    deepest = torch.stack([part[4] for part in parts]).max()
    return Rendering(features, depth.clamp(shallowest, deepest), weights_sum)


def _render_chunk(
    reader: PlaneReader,
    decoder: Decode,
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    options: RenderingOptions,
    sampling: Sampling,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Features, unclamped depth, opacity, and the smallest and the largest depth that was sampled."""

    def evaluate(depths: Tensor) -> tuple[Tensor, Tensor]:
        points = origins[:, :, None] + depths[..., None] * directions[:, :, None]
        colours, sigma = decoder(reader(points.flatten(1, 2)))
        return colours.reshape(*depths.shape, -1), sigma.reshape(depths.shape)

    depths = stratified_depths(near, far, options.depth_resolution, sampling, options.disparity_space_sampling)
    colours, sigma = evaluate(depths)
    if options.depth_resolution_importance == 0:
        weights = interval_weights(sigma, depths)
        features = weighted_sum(sample_weights(weights), colours)
    else:
        coarse = interval_weights(sigma.detach(), depths.detach())
        fine_depths = importance_depths(depths, coarse, options.depth_resolution_importance, sampling)
        fine_colours, fine_sigma = evaluate(fine_depths)
        depths, order = torch.cat([depths, fine_depths], dim=-1).sort(dim=-1)
        weights = interval_weights(torch.cat([sigma, fine_sigma], dim=-1).gather(-1, order), depths)
        per_sample = sample_weights(weights).gather(-1, order.argsort(dim=-1))
        features = weighted_sum(per_sample[..., : sigma.shape[-1]], colours)
        features = features + weighted_sum(per_sample[..., sigma.shape[-1] :], fine_colours)
    opacity = weights.sum(dim=-1, keepdim=True)
    if options.white_back:
        features = features + 1.0 - opacity
    depth_range = depths.detach().aminmax()
    return features * 2.0 - 1.0, expected_depth(weights, depths), opacity, depth_range.min, depth_range.max


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
    if not hit.any():
        return torch.ones_like(near), torch.ones_like(far) + side
    return torch.where(hit, near, near[hit].min()), torch.where(hit, far, near[hit].max())
