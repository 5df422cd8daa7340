"""Warping a canonical view into the current camera, through the current depth (Ko et al., section 3.3).

Letters: u a pixel of the current view with depth d(u) along its unit ray r(u); T the current
camera_to_world, T_c the canonical one, K the intrinsics. The pixel's point in the world and its place in the
canonical view are

    X(u) = T (d(u) r(u)),     u_c = K T_c^-1 X(u),     warped(u) = canonical(u_c).

The gradient reaches T through X: for a fixed depth it tells where in the canonical view the pixel should
have looked, and so how the camera should turn, without a gradient through the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.intrinsics import pixel_centres, project, ray_directions


@dataclass(frozen=True)
class View:
    """What a camera sees: ``image [N, 3, H, W]`` in [-1, 1], ``depth`` and ``weights`` ``[N, 1, H, W]``,
    label c.

    Depth is the distance along the ray in box units, weights the opacity in [0, 1].
    """

    image: Tensor
    depth: Tensor
    weights: Tensor
    label: Tensor

    def detach(self) -> View:
        """The same view without gradients."""
        return View(*(value.detach() for value in (self.image, self.depth, self.weights, self.label)))

    def expand(self, count: int) -> View:
        """One view as so many equal ones."""
        maps = (value.expand(count, *value.shape[1:]) for value in (self.image, self.depth, self.weights, self.label))
        return View(*maps)


def unproject(depth: Tensor, label: Tensor) -> Tensor:
    """World points ``[N, H*W, 3]`` of a depth map ``[N, 1, H, W]`` along the rays of a camera ``[N, 25]``."""
    camera_to_world, intrinsics = split_label(label)
    rays = ray_directions(intrinsics, pixel_centres(depth.shape[2], depth.shape[3], depth))
    points = (rays * depth[:, 0, :, :, None]).flatten(1, 2)
    return points @ camera_to_world[:, :3, :3].mT + camera_to_world[:, None, :3, 3]


def warp(source: View, depth: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Carry a source view to another camera through that camera's depth.

    Args:
        source: the canonical view; its picture and depth are looked up.
        depth: ``[N, 1, H, W]`` of the other camera.
        label: ``[N, 25]`` of the other camera; receives the gradient.

    Returns:
        picture ``[N, 3, H, W]``; opacity of the source there ``[N, 1, H, W]`` (0 outside of it); how much
        farther than the source's surface each point is ``[N, 1, H, W]``: above a tolerance it is hidden in
        the source.
    """
    height, width = depth.shape[-2:]
    points = unproject(depth, label)
    camera_to_world, intrinsics = split_label(source.label)
    in_source = (points - camera_to_world[:, None, :3, 3]) @ camera_to_world[:, :3, :3]
    grid = (2.0 * project(in_source, intrinsics) - 1.0).unflatten(1, (height, width))
    image = functional.grid_sample(source.image, grid, padding_mode="border", align_corners=False)
    with torch.no_grad():
        opacity = functional.grid_sample(source.weights, grid, align_corners=False)
        surface = functional.grid_sample(source.depth, grid, padding_mode="border", align_corners=False)
        hidden = in_source.norm(dim=2).unflatten(1, (height, width))[:, None] - surface
    return image, opacity, hidden


def visible_in_both(current: View, opacity: Tensor, hidden: Tensor, far: float, tolerance: float) -> Tensor:
    """Mask ``[N, 1, H, W]`` (0 or 1) of pixels whose warp means something.

    Args:
        current: the current view; its opacity must exceed one half and its depth lie before ``far``.
        opacity, hidden: results of :func:`warp`.
        far: far limit of the renderer in box units.
        tolerance: how far a point may lie behind or before the source's surface, box units.
    """
    solid = (current.weights > 0.5) & (opacity > 0.5) & (current.depth < far)
    return (solid & (hidden.abs() < tolerance)).to(current.image.dtype)


def warp_loss(canonical: View, current: View, target: Tensor, far: float, tolerance: float = 0.05) -> Tensor:
    """Mean square difference of the warped canonical view and a target, where both views see the same
    surface.

    Args:
        canonical: rendered view, no gradient.
        current: view from the current camera; its label carries the gradient to the pose (its depth may,
        too). target: ``[N, 3, H, W]``: the photo (as in the published code) or the current rendering
        (Algorithm 1). far, tolerance: see :func:`visible_in_both`.

    Returns:
        a number; 0 where nothing is visible in both.
    """
    image, opacity, hidden = warp(canonical, current.depth, current.label)
    mask = visible_in_both(current, opacity, hidden, far, tolerance)
    difference = (image - target).square().mean(dim=1, keepdim=True)
    return (difference * mask).sum() / mask.sum().clamp_min(1.0)
