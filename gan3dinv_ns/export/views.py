"""Colours from finished images: what the super-resolution adds, and a tuned head's likeness, is in these only.

A point of the surface takes its colour where it lands in the image, preferably from the camera that it faces most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.intrinsics import project
from gan3dinv_ns.export.head import Head

_BEHIND = 0.03
"""A point that lies farther than this behind the image's depth is hidden there, as a part of the box's side."""
_BORDER = 0.08
"""Towards the image's border, over this part of its side, less and less is trusted: convolutions lack context there."""
_UNSURE, _SURE = 0.3, 0.6
_PREFERENCE = 8


@dataclass(frozen=True)
class View:
    """What one of the head's cameras sees.

    Attributes:
        label: the camera [1, 25].
        image: [1, 3, H, W] in [-1, 1].
        depth: [1, 1, h, w], distances from the camera in box units.
    """

    label: Tensor
    image: Tensor
    depth: Tensor


@torch.no_grad()
def views_of(head: Head) -> list[View]:
    """The head, rendered once from each of its cameras."""
    views = []
    for label in head.labels.split(1):
        seen = head.seen_from(label)
        views.append(View(label, seen["image"], seen["image_depth"]))
    return views


@torch.no_grad()
def view_colours(
    views: list[View], box_side: float, points: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Looks points of a surface up in images.

    Args:
        views: of the head.
        box_side: side of its box.
        points: [N, 3] in box units.
        normals: [N, 3] outward unit normals.

    Returns:
        colours [N, 3] float32 in [0, 255], and [N] float32 in [0, 1]: how far they are to be trusted, 0 for
        points that no camera sees except perhaps at a grazing angle.
    """
    places, outward = (torch.from_numpy(each).to(views[0].image) for each in (points, normals))
    total, weights = torch.zeros_like(places), torch.zeros_like(places[:, :1])
    best = torch.zeros_like(weights)
    for view in views:
        colour, facing = _look_up(view, box_side, places, outward)
        weight = facing**_PREFERENCE
        total, weights, best = total + weight * colour, weights + weight, torch.maximum(best, facing)
    part = ((best - _UNSURE) / (_SURE - _UNSURE)).clamp(0, 1)
    trust = (part * part * (3 - 2 * part))[:, 0]
    colours = (total / weights.clamp_min(1e-12)).clamp(0, 1) * 255
    return colours.cpu().numpy(), trust.cpu().numpy()


def _look_up(view: View, box_side: float, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    """Colours [N, 3] in [0, 1] in one image, and the cosine [N, 1] at which it shows them, 0 where it does not."""
    camera_to_world, intrinsics = split_label(view.label)
    from_camera = points - camera_to_world[0, :3, 3]
    distance = from_camera.norm(dim=1, keepdim=True)
    uv = project((from_camera @ camera_to_world[0, :3, :3])[None], intrinsics)[0]
    inside = (torch.minimum(uv, 1 - uv).amin(dim=1, keepdim=True) / _BORDER).clamp(0, 1)
    colour = (_at(view.image, uv) + 1) / 2
    in_front = distance < _at(view.depth, uv) + _BEHIND * box_side
    cosine = -(normals * from_camera / distance).sum(dim=1, keepdim=True)
    return colour, cosine.clamp_min(0) * inside * in_front


def _at(image: Tensor, uv: Tensor) -> Tensor:
    """Values [V, C] of an image [1, C, H, W] at points [V, 2] in [0, 1], bilinear."""
    grid = (uv * 2 - 1)[None, None]
    return functional.grid_sample(image, grid, align_corners=False, padding_mode="border")[0, :, 0].T
