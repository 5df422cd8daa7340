"""Rays of known depth."""

from __future__ import annotations

import math

import torch

from gan3dinv_ns.eg3d.ray_sampler import sample_rays as all_rays
from gan3dinv_ns.heads.supervision import (
    Views,
    patch_pixels,
    place_samples,
    ray_losses,
    rays_through,
    sample_rays,
)


def test_rays_through_pixel_middles_are_those_of_the_generator(views: Views) -> None:
    along = (torch.arange(32) + 0.5) / 32
    v, u = torch.meshgrid(along, along, indexing="ij")
    uv = torch.stack([u, v], dim=-1).reshape(1, 1, -1, 2).expand(1, 2, -1, -1)
    origins, directions = rays_through(views.label, uv)
    label = views.label[0]
    expected = all_rays(label[:, :16].reshape(-1, 4, 4), label[:, 16:].reshape(-1, 3, 3), 32)
    assert torch.allclose(origins[0], expected[0], atol=1e-6)
    assert torch.allclose(directions[0], expected[1], atol=1e-6)


def test_samples_are_sorted_and_most_lie_around_the_surface() -> None:
    depth = torch.tensor([0.0, 2.4, 2.7])
    distances = place_samples(depth, 2.25, 3.15, surface_samples=8, free_samples=4)
    assert (distances.diff(dim=-1) >= 0).all()
    assert (((distances - depth[:, None]).abs() <= 0.051).sum(dim=-1)[1:] >= 8).all()
    assert distances[0].min() < 2.4 and distances[0].max() > 3.0


def test_points_at_the_depth_of_a_ray_lie_on_the_sphere(views: Views) -> None:
    rays = sample_rays(views, patch_pixels(views, 0, 0, 32), 2.25, 3.15)
    points = rays.origins + rays.depth[..., None] * rays.directions
    assert torch.allclose(points[rays.depth > 0].norm(dim=-1), torch.tensor(0.3), atol=1e-3)


def test_a_patch_is_the_square_of_the_picture(views: Views) -> None:
    pixels = patch_pixels(views, top=10, left=4, size=8)
    rays = sample_rays(views, pixels, 2.25, 3.15)
    expected = views.depth[0, :, 10:18, 4:12].reshape(-1)
    assert torch.equal(rays.depth[0], expected)


def test_halving_keeps_depth_where_pixels_hit(views: Views) -> None:
    half = views.halved()
    full = views.depth
    solid = half.alpha > 0.99
    mean = torch.nn.functional.avg_pool2d(full[0], 2)[None]
    assert torch.allclose(half.depth[solid], mean[solid], atol=1e-5)
    assert (half.depth[half.alpha == 0] == 0).all()


def test_true_values_owe_nothing(views: Views) -> None:
    rays = sample_rays(views, patch_pixels(views, 8, 8, 16), 2.25, 3.15)
    losses = ray_losses(rays.rgb, rays.alpha, rays.depth * rays.alpha, rays)
    # The robust error of equal pictures is its softening, 0.01.
    assert math.isclose(float(losses["rgb"]), 0.01, rel_tol=1e-4)
    assert float(losses["opacity"]) == 0 and float(losses["depth"]) == 0
