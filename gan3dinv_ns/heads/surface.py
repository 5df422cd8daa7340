"""What a field owes a surface that is known: its colour there, nothing before it, matter behind it.

Where the depth of every pixel is known, a field can be taught at points instead of along rays: three points for a
pixel instead of a dozen, and neither colour nor shape has to wait for the other. Volume rendering follows later.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.cameras.intrinsics import pixel_centres
from gan3dinv_ns.heads.supervision import Views, detail_error, rays_through, robust_error

SKIN = 0.008
"""Points nearer to the surface than this, in box units, are told neither to be empty nor to be filled."""
REACH = 0.05
"""Points are filled down to this depth below the surface."""
SIGMA_SCALE = 10.0
"""A density (before its softplus) of plus this is as filled as a logit of one."""
OCCUPANCY_WEIGHT = 0.15


@dataclass(frozen=True)
class SurfacePoints:
    """Points of the field for one view of each of N heads, on a lattice of H x W pixels.

    Attributes:
        points: [N, 3 * K + L, 3]: K on the surface, K behind it, K before it, L on rays that miss.
        hit: [N, K] whether a pixel shows the surface (heads have differently many, the rest is padding).
        missed: [N, L] whether a ray meets nothing.
        pixels: [N, K] index of the pixel in the lattice.
        rgb: [N, K, 3] true colours in [0, 1].
        size: H and W.
    """

    points: Tensor
    hit: Tensor
    missed: Tensor
    pixels: Tensor
    rgb: Tensor
    size: tuple[int, int]


def surface_points(views: Views, near: float, far: float, stride: int = 2, misses: int = 700) -> SurfacePoints:
    """Points for the first view of each head, on every ``stride``-th pixel from a random one on.

    Args:
        views: of N heads.
        near: where free space begins along a ray, box units.
        far: where it ends.
        stride: distance of the pixels taken.
        misses: at most so many rays that meet nothing.
    """
    row, column = (int(i) for i in torch.randint(stride, (2,)))
    window = (..., slice(row, None, stride), slice(column, None, stride))
    image, alpha, depth = views.image[:, 0][window], views.alpha[:, 0][window], views.depth[:, 0][window]
    size = (alpha.shape[-2], alpha.shape[-1])
    height, width = views.alpha.shape[-2:]
    centres = pixel_centres(height, width, alpha)[row::stride, column::stride].flatten(0, 1)
    origins, directions = rays_through(views.label[:, 0], centres)
    distance, cover = depth.flatten(1), alpha.flatten(1)
    solid = (distance > 0) & (cover > 0.95)
    pixels = solid.float().topk(max(int(solid.sum(dim=1).max()), 1), dim=1).indices
    empty = cover < 0.01
    away = (empty + 0.5 * torch.rand_like(cover)).topk(min(misses, cover.shape[1]), dim=1).indices
    at = distance.gather(1, pixels)
    before = at - SKIN - (at - SKIN - near).clamp_min(0) * torch.rand_like(at) ** 3
    places = [at + 0.02 * torch.rand_like(at) - 0.005, at + SKIN + REACH * torch.rand_like(at) ** 2, before]
    start, along = (_rows(x, pixels) for x in (origins, directions))
    points = [start + along * place[..., None] for place in places]
    places_away = near + (far - near) * torch.rand(away.shape, device=away.device)
    points.append(_rows(origins, away) + _rows(directions, away) * places_away[..., None])
    return SurfacePoints(
        torch.cat(points, dim=1), solid.gather(1, pixels), empty.gather(1, away), pixels,
        _rows(image.flatten(2).transpose(1, 2), pixels), size,
    )  # fmt: skip


def surface_losses(rgb: Tensor, sigma: Tensor, truth: SurfacePoints) -> dict[str, Tensor]:
    """Errors of the field at ``truth.points``.

    Args:
        rgb: [N, P, 3 or more] colours in [0, 1].
        sigma: [N, P, 1] densities before their softplus.
        truth: where, and what is true there.

    Returns:
        "surface_rgb" (as `robust_error`), "surface_detail" (as `detail_error` on the lattice) and "occupancy".
    """
    count = truth.hit.shape[1]
    hit = truth.hit[..., None]
    seen = torch.where(hit, rgb[:, :count, :3], truth.rgb)
    share = truth.hit.to(rgb.dtype).mean().clamp_min(1e-3)
    at = truth.pixels[..., None].expand(-1, -1, 3)
    lattice = rgb.new_zeros(len(rgb), truth.size[0] * truth.size[1], 3).scatter_add(1, at, seen - truth.rgb)
    error = lattice.transpose(1, 2).unflatten(2, truth.size)
    filled, free, nothing = (sigma[..., 0] / SIGMA_SCALE)[:, count:].split([count, count, truth.missed.shape[1]], 1)
    occupancy = _occupied(filled, truth.hit, 1.0) + _occupied(free, truth.hit, 0.0)
    return {
        "surface_rgb": robust_error(seen, truth.rgb) / share,
        "surface_detail": 2 * detail_error(error, torch.zeros_like(error)),
        "occupancy": OCCUPANCY_WEIGHT * (occupancy + _occupied(nothing, truth.missed, 0.0)),
    }


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Rows ``index [N, K]`` of ``values [N, M, C]``."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))


def _occupied(logits: Tensor, counted: Tensor, target: float) -> Tensor:
    errors = F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")
    return (errors * counted).sum() / counted.sum().clamp_min(1)
