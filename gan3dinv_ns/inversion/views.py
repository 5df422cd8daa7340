"""Views of given tri-planes: whole ones, and cheap ones without super-resolution for losses of the camera."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.depth_samples import Sampling
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.losses.warp import View


def with_depth_samples(generator: Generator, samples: tuple[int, int]) -> Generator:
    """The same generator (all weights shared) with other numbers of samples along the rays, never more than its own.

    Raises:
        ValueError: for numbers that the renderer refuses.
    """
    own = generator.rendering
    cheaper = copy.copy(generator)
    cheaper.rendering = replace(
        own,
        depth_resolution=min(samples[0], own.depth_resolution),
        depth_resolution_importance=min(samples[1], own.depth_resolution_importance),
    )
    return cheaper


def orbit_labels(yaw: Tensor, pitch: Tensor, focal: float, radius: float) -> Tensor:
    """Labels ``[N, 25]`` of cameras that look at the origin."""
    return camera_label(orbit(yaw, pitch, radius), intrinsics_matrix(focal).to(yaw))


@torch.no_grad()
def whole_views(
    generator: Generator, ws: Tensor, planes: Tensor, label: Tensor, resolution: int | None = None
) -> dict[str, Tensor]:
    """Super-resolved views of one head, one after the other, without gradients; always the same.

    Args:
        ws: ``[1, num_ws, w_dim]``.
        planes: ``[1, 3, C, R, R]`` of ``ws``.
        label: cameras ``[N, 25]``.
        resolution: side of the volume rendering; None for the generator's own.

    Returns:
        ``image``, ``image_raw``, ``image_depth``, ``image_weights`` as from ``Generator.synthesis``.
    """
    views = [
        generator.synthesis(ws, one, resolution, sampling="midpoint", planes=planes) for one in label.to(ws).split(1)
    ]
    return {name: torch.cat([view[name] for view in views]) for name in views[0]}


def raw_view(
    generator: Generator,
    planes: Tensor,
    label: Tensor,
    resolution: int,
    sampling: Sampling = "stratified",
) -> View:
    """Volume rendering of one set of planes from one or many cameras.

    Args:
        planes: ``[1, 3, C, R, R]``.
        label: ``[N, 25]``; all cameras see the same planes.
        resolution: side r in pixels.
        sampling: "stratified" (random) or "midpoint" (reproducible).

    Returns:
        a view ``[N, ., r, r]`` whose picture is the first three feature channels; differentiable in planes and label.
    """
    origins, directions = sample_rays(*split_label(label), resolution)
    features, depth, weights = generator.render_rays(
        planes, origins.reshape(1, -1, 3), directions.reshape(1, -1, 3), sampling=sampling
    )
    image, depth, weights = (
        one.reshape(len(label), resolution, resolution, -1).permute(0, 3, 1, 2)
        for one in (features[..., :3], depth, weights)
    )
    return View(image, depth, weights, label)


def far_limit(generator: Generator) -> float:
    """Distance beyond which nothing is rendered, box units; depths at it are background."""
    options = generator.rendering
    if options.ray_end is not None:
        return options.ray_end
    return options.avg_camera_radius + options.box_warp * 3.0**0.5 / 2.0
