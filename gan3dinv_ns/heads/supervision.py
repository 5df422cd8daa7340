"""Rays of known depth and what the field owes them.

The renderer's two passes spend most samples on finding a surface. Here the depth of every pixel is known, so a ray
needs few samples: some in the free space before the surface, most in a band around it. The losses are the same
volume rendering as EG3D's, on those samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Views:
    """A batch of pictures of heads: ``N`` heads with ``V`` views each.

    Attributes:
        image: [N, V, 3, R, R] colours in [0, 1], white background.
        alpha: [N, V, R, R] coverage in [0, 1].
        depth: [N, V, R, R] distance along the unit ray in box units; 0 where nothing is hit.
        label: [N, V, 25] EG3D camera labels.
    """

    image: Tensor
    alpha: Tensor
    depth: Tensor
    label: Tensor

    def first(self, count: int) -> Views:
        """The views of the first ``count`` heads."""
        return Views(*(values[:count] for values in (self.image, self.alpha, self.depth, self.label)))

    def halved(self) -> Views:
        """The same views at half the resolution; a depth is the mean of those that hit."""
        hits = F.avg_pool2d((self.depth > 0).to(self.depth.dtype), 2)
        depth = F.avg_pool2d(self.depth, 2) / hits.clamp_min(0.25)
        image = F.avg_pool2d(self.image.flatten(0, 1), 2).unflatten(0, self.image.shape[:2])
        return Views(image, F.avg_pool2d(self.alpha, 2), depth, self.label)


@dataclass(frozen=True)
class RaySamples:
    """Chosen pixels of some views; ``M`` rays a head, ``S`` samples a ray, sorted by distance.

    Attributes:
        origins: [N, M, 3].
        directions: [N, M, 3], unit length.
        distances: [N, M, S] box units along the ray.
        rgb: [N, M, 3] true colours in [0, 1].
        alpha: [N, M] true coverage.
        depth: [N, M] true distance; 0 where nothing is hit.
    """

    origins: Tensor
    directions: Tensor
    distances: Tensor
    rgb: Tensor
    alpha: Tensor
    depth: Tensor


def rays_through(label: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
    """Rays of cameras ``label`` [..., 25] through image points ``uv`` [..., M, 2] in [0, 1].

    Returns:
        Origins and unit directions, [..., M, 3] each.
    """
    camera_to_world = label[..., :16].unflatten(-1, (4, 4))
    intrinsics = label[..., 16:25].unflatten(-1, (3, 3))
    u, v = uv.unbind(-1)
    x = (u - intrinsics[..., 0, 2, None]) / intrinsics[..., 0, 0, None]
    y = (v - intrinsics[..., 1, 2, None]) / intrinsics[..., 1, 1, None]
    in_camera = F.normalize(torch.stack([x, y, torch.ones_like(x)], dim=-1), dim=-1)
    directions = in_camera @ camera_to_world[..., :3, :3].transpose(-1, -2)
    origins = camera_to_world[..., None, :3, 3].expand_as(directions)
    return origins, directions


def patch_pixels(views: Views, top: int, left: int, size: int) -> Tensor:
    """Indices [N, V, size * size] of the pixels of one square, row after row."""
    resolution = views.alpha.shape[-1]
    rows, columns = top + torch.arange(size), left + torch.arange(size)
    pixels = (rows[:, None] * resolution + columns).flatten().to(views.alpha.device)
    return pixels.expand(*views.alpha.shape[:2], -1)


def sample_rays(
    views: Views, pixels: Tensor, near: float, far: float, surface_samples: int = 8, free_samples: int = 4
) -> RaySamples:
    """Rays through the middles of ``pixels`` [N, V, P], with samples placed along them.

    Rays that hit: ``free_samples`` from ``near`` to the surface, ``surface_samples`` in a band around it.
    Rays that miss: all samples between ``near`` and ``far``. The views of a head are joined: M = V * P.
    """
    resolution = views.alpha.shape[-1]
    uv = torch.stack([pixels % resolution, pixels // resolution], dim=-1).add(0.5) / resolution
    origins, directions = rays_through(views.label, uv)
    rgb = views.image.flatten(3).gather(3, pixels[:, :, None].expand(-1, -1, 3, -1)).transpose(2, 3)
    alpha = views.alpha.flatten(2).gather(2, pixels)
    depth = views.depth.flatten(2).gather(2, pixels)
    distances = place_samples(depth, near, far, surface_samples, free_samples)
    joined = (x.flatten(1, 2) for x in (origins, directions, distances, rgb, alpha, depth))
    return RaySamples(*joined)


def place_samples(
    depth: Tensor, near: float, far: float, surface_samples: int, free_samples: int, band: float = 0.05
) -> Tensor:
    """Sorted sample distances [..., S] for rays whose surface lies at ``depth`` [...] (0: no surface)."""
    hit = (depth > 0)[..., None]
    start = (depth[..., None] - band).clamp(near, far)
    free = near + (start - near) * _stratified(depth, free_samples)
    around = start + 2 * band * _stratified(depth, surface_samples)
    everywhere = near + (far - near) * _stratified(depth, free_samples + surface_samples)
    return torch.where(hit, torch.cat([free, around], dim=-1), everywhere)


def _stratified(like: Tensor, count: int) -> Tensor:
    bins = torch.arange(count, device=like.device, dtype=like.dtype)
    return (bins + torch.rand(*like.shape, count, device=like.device)) / count


def ray_losses(rgb: Tensor, opacity: Tensor, depth: Tensor, rays: RaySamples) -> dict[str, Tensor]:
    """What the field owes the rays: colour, opacity and depth.

    Args:
        rgb: [N, M, 3] rendered on white, in [0, 1].
        opacity: [N, M].
        depth: [N, M], weighted with the opacity.
        rays: the rays with their true values.
    """
    solid = ((rays.depth > 0) & (rays.alpha > 0.99)).to(rgb.dtype)
    depth_error = (depth - rays.depth * opacity).abs() * solid
    return {
        "rgb": robust_error(rgb, rays.rgb),
        "opacity": (opacity - rays.alpha).square().mean(),
        "depth": 2 * depth_error.sum() / solid.sum().clamp_min(1),
    }


def robust_error(image: Tensor, reference: Tensor) -> Tensor:
    """Charbonnier error, sharper than squares, plus squares, which PSNR is made of."""
    squares = (image - reference).square()
    return torch.sqrt(squares + 1e-4).mean() + 2 * squares.mean()


def detail_error(image: Tensor, reference: Tensor, window: int = 5) -> Tensor:
    """Mean absolute error of what remains of pictures [N, C, H, W] when their local mean is taken away."""
    difference = image - reference
    local_mean = F.avg_pool2d(difference, window, stride=1, padding=window // 2, count_include_pad=False)
    return (difference - local_mean).abs().mean()
