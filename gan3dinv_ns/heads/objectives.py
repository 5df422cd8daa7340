"""What a generator owes heads whose pictures, depths and cameras are known, by stage of the training."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.marcher import interval_weights, sample_weights
from gan3dinv_ns.heads.supervision import (
    RaySamples,
    Views,
    detail_error,
    patch_pixels,
    ray_losses,
    robust_error,
    sample_rays,
)
from gan3dinv_ns.heads.surface import surface_losses, surface_points

Stage = Literal["coarse", "fine", "image"]

RIM = 4
"""Pixels at the inner sides of a patch that the losses leave out."""
DETAIL_WEIGHT = 4.0
"""Weight of the high-pass errors: eyes, brows and mouths are small, and plain errors would learn them last."""


def supervised_losses(generator: Generator, ws: Tensor, views: Views, stage: Stage, patch: int) -> dict[str, Tensor]:
    """Weighted losses by name for the first view of each head.

    Args:
        generator: its volume rendering has half the resolution of the pictures.
        ws: [N, num_ws, w_dim] latents of the heads.
        views: of the N heads.
        stage: "coarse" (points near surfaces, planes at half their resolution), "fine" (whole planes), "image" (and
            patches through volume rendering and super-resolution).
        patch: width of the patches, in pixels of the volume rendering.
    """
    full = generator.plane_resolution
    planes = generator.backbone.synthesis(ws, last=full // 2 if stage == "coarse" else full).unflatten(1, (3, -1))
    truth = surface_points(views, *ray_limits(generator))
    seen = generator.sample_planes(planes, truth.points)
    losses = surface_losses(seen["rgb"], seen["sigma"], truth)
    losses["surface_detail"] = DETAIL_WEIGHT * losses["surface_detail"]
    return {**losses, **patch_losses(generator, ws, planes, views, patch)} if stage == "image" else losses


def patch_losses(generator: Generator, ws: Tensor, planes: Tensor, views: Views, size: int) -> dict[str, Tensor]:
    """Losses of one random patch a head, rendered at half the size of the pictures and upsampled."""
    room = generator.neural_rendering_resolution - size
    top, left = random_place(room), random_place(room)
    raw_views = views.halved()
    rays = sample_rays(raw_views, patch_pixels(raw_views, top, left, size), *ray_limits(generator))
    features, opacity, depth = render_samples(generator, planes, rays)
    losses = ray_losses(features[..., :3], opacity, depth, rays)
    maps = 2 * features.transpose(1, 2).unflatten(2, (size, size)) - 1
    last = ws[:, -1:].expand(-1, 3, -1)
    x, image = generator.superresolution.block0(maps, maps[:, :3], last, "none")
    image = generator.superresolution.block1(x, image, last, "none")[1]
    rows, columns = slice(2 * top, 2 * (top + size)), slice(2 * left, 2 * (left + size))
    inside = (..., without_rim(top, size, room), without_rim(left, size, room))
    image, true_image = 0.5 * image[inside] + 0.5, views.image[:, 0, :, rows, columns][inside]
    true_raw = rays.rgb.transpose(1, 2).unflatten(2, (size, size))
    return {
        **losses,
        "image": robust_error(image, true_image),
        "image_detail": DETAIL_WEIGHT * detail_error(image, true_image),
        "raw_detail": DETAIL_WEIGHT * detail_error(0.5 * maps[:, :3] + 0.5, true_raw),
    }


def ray_limits(generator: Generator) -> tuple[float, float]:
    """Near and far distance of a generator that renders between fixed limits, box units."""
    near, far = generator.rendering.ray_start, generator.rendering.ray_end
    assert near is not None and far is not None, "the embedded generator renders between fixed limits"
    return near, far


def render_samples(generator: Generator, planes: Tensor, rays: RaySamples) -> tuple[Tensor, Tensor, Tensor]:
    """Features [N, M, C] in [0, 1] on white, opacity [N, M] and opacity-weighted depth [N, M] of given samples."""
    points = rays.origins[:, :, None] + rays.distances[..., None] * rays.directions[:, :, None]
    seen = generator.sample_planes(planes, points.flatten(1, 2))
    shape = rays.distances.shape[1:]
    weights = sample_weights(interval_weights(seen["sigma"].squeeze(-1).unflatten(1, shape), rays.distances))
    opacity = weights.sum(dim=-1)
    features = (weights[..., None, :] @ seen["rgb"].unflatten(1, shape)).squeeze(-2)
    return features + (1 - opacity[..., None]), opacity, (weights * rays.distances).sum(dim=-1)


def random_place(room: int) -> int:
    """Where a patch begins, from 0 to ``room``; the ends are likelier, as the sides of pictures are learned there."""
    return int(torch.randint(-room // 4, room + room // 4 + 1, ()).clamp(0, room))


def without_rim(place: int, size: int, room: int) -> slice:
    """The pixels of an upsampled patch that the losses see, along one axis.

    Inside a picture, the convolutions' padding at the sides of a patch is not that of the whole picture, so `RIM`
    pixels are left out; a side of the patch that is one of the picture's counts to its end.
    """
    return slice(0 if place == 0 else RIM, 2 * size if place == room else 2 * size - RIM)
