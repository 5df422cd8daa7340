"""Gaussians where the surface has none although the generator's pictures show something: hair that hangs free of the
head, and soft edges, whose density does not reach the surface's level.

What a single view shows, such as the spots that a network leaves in its pictures' corners, is not filled: a point
counts only where it lies in the visual hull (Laurentini 1994), in front of something solid in nearly every view."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.intrinsics import pixel_centres, project, ray_directions
from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.placing import turned_to
from gan3dinv_ns.export.splats.rasteriser import rasterise
from gan3dinv_ns.export.splats.targets import Views

_COVERED = 0.3
"""Opacity of the gaussians from which on a pixel needs no more of them."""
_SHOWN, _AGREEING = 0.1, 0.9
"""Opacity that a point of the hull has, and the part of the views in which it must."""


@torch.no_grad()
def fill_gaps(start: Gaussians, views: Views, count: int) -> Gaussians:
    """Adds gaussians at the depths that uncovered pixels have, view after view.

    Args:
        start: at least one.
        views: on the same device.
        count: how many are added at most, spread over the views.

    Returns:
        those of `start` and the added ones: discs of the same size that face the camera, in the picture's colours.
    """
    found = start
    for index in range(len(views.labels)):
        allowed = (len(start) + count - len(found)) // (len(views.labels) - index)
        missing = _missing_in_view(found, views, index)
        if allowed and len(missing):
            kept = torch.linspace(0, len(missing) - 1, min(allowed, len(missing)), device=missing.means.device)
            found = found.joined(missing.taken(kept.long()))
    return found


def _missing_in_view(found: Gaussians, views: Views, index: int) -> Gaussians:
    """A disc for each uncovered pixel of the head, or for every second, third, ... where discs are larger."""
    label, resolution = views.labels[index : index + 1], views.resolution
    camera_to_world, intrinsics = split_label(label)
    opacity = rasterise(found, label, resolution, torch.zeros_like(label[0, :3]))[1]
    gap = (views.solid()[index] & (opacity[0] < _COVERED))[0]
    size = found.log_scales.mean(dim=0)
    width = size.max().exp() * intrinsics[0, 0, 0] * resolution / camera_to_world[0, :3, 3].norm()
    stride = max(1, round(float(width)))
    gap = gap & _lattice(resolution, stride, gap.device)
    directions = ray_directions(intrinsics, pixel_centres(resolution, resolution, label))[0][gap]
    directions = directions @ camera_to_world[0, :3, :3].T
    candidates = Gaussians(
        means=camera_to_world[0, :3, 3] + views.distances[index, 0][gap][:, None] * directions,
        log_scales=size.expand(len(directions), 3),
        quaternions=turned_to(-directions),
        opacity_logits=found.opacity_logits.mean().expand(len(directions)),
        colours=views.pictures[index].permute(1, 2, 0)[gap],
    )
    return candidates.taken(_in_hull(candidates.means, views))


def _in_hull(points: Tensor, views: Views) -> Tensor:
    """Flags [M] of points [M, 3] that are seen in front of something solid in nearly all views that they lie in."""
    camera_to_world, intrinsics = split_label(views.labels)
    in_camera = (points - camera_to_world[:, None, :3, 3]) @ camera_to_world[:, :3, :3]
    place = project(in_camera, intrinsics) * 2 - 1
    inside = (place.abs() < 1).all(dim=2)
    opacity = grid_sample(views.opacities, place[:, None], align_corners=False)[:, 0, 0]
    return ((opacity > _SHOWN) & inside).sum(0) >= _AGREEING * inside.sum(0)


def _lattice(resolution: int, stride: int, device: torch.device) -> Tensor:
    """Flags [R, R], one in each stride x stride pixels."""
    chosen = torch.arange(resolution, device=device) % stride == stride // 2
    return chosen[:, None] & chosen
