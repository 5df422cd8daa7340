"""Two cameras with the same centre see the same rays: their images differ by a homography.

A viewer camera may look anywhere, with any field of view and window size, while a super-resolution network
only knows upright heads that fill a square picture. So the head is rendered by a *square camera* from the
viewer camera's centre, and the asked pixels are looked up in that picture:

    x_square ~ K_square R_square^T R_viewer K_viewer^-1 x_viewer

with R camera-to-world rotations, K intrinsics normalised by the image size and x homogeneous image points
(u, v, 1). Depth along the ray is the same in both pictures, because the rays are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix, pixel_centres
from gan3dinv_ns.cameras.rotations import RADIUS, look_at

_OUTSIDE = 4.0
_NEAREST = 1e-2


def pixel_intrinsics(fx: float, fy: float, cx: float, cy: float, width: int, height: int) -> Tensor:
    """Normalised intrinsics ``[1, 3, 3]`` of a pinhole camera given in pixels (pixel centres at i + 0.5).

    Raises:
        ValueError: if the size or a focal length is not positive.
    """
    if min(width, height) < 1 or min(fx, fy) <= 0:
        raise ValueError(f"a camera needs a positive size and focal length, not {width}x{height}, {fx}, {fy}.")
    matrix = [[fx / width, 0.0, cx / width], [0.0, fy / height, cy / height], [0.0, 0.0, 1.0]]
    return torch.tensor([matrix])


def square_camera(
    camera_to_world: Tensor, focal: float = FOCAL, radius: float = RADIUS, margin: float = 1.0
) -> tuple[Tensor, Tensor]:
    """The generator's own kind of camera, from the same centres, looking at the origin.

    The focal length grows with the distance d from the origin, f = focal * d / (radius * margin), so that
    the head is as large in the picture as the generator was trained on.

    Args:
        camera_to_world: ``[N, 4, 4]`` cameras whose centres are taken; their rotations are ignored.
        focal, radius: normalised focal length and camera distance of the generator's training.
        margin: 1 for the training's scale; above 1 shows more surroundings of the head, at a smaller scale.

    Returns:
        ``camera_to_world [N, 4, 4]`` and normalised ``intrinsics [N, 3, 3]``. A centre on the origin itself
        is moved by a hundredth of a unit towards the camera's back.
    """
    centre = camera_to_world[:, :3, 3]
    too_near = centre.norm(dim=1, keepdim=True) < _NEAREST
    centre = torch.where(too_near, -_NEAREST * camera_to_world[:, :3, 2], centre)
    intrinsics = intrinsics_matrix(1.0, len(centre)).to(centre)
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal * centre.norm(dim=1) / (radius * margin)
    return look_at(centre), intrinsics


def ray_range(camera_to_world: Tensor, ray_start: float, ray_end: float, radius: float = RADIUS) -> tuple[float, float]:
    """Near and far distances that enclose the same slab around the head as the training's did from
    ``radius``.

    Args:
        camera_to_world: ``[1, 4, 4]``, looking at the origin.
        ray_start, ray_end: the training's near and far, box units.

    Returns:
        near and far in box units; near is at least a hundredth and far lies behind it, also inside the head.
    """
    shift = float(camera_to_world[0, :3, 3].norm()) - radius
    near = max(ray_start + shift, _NEAREST)
    return near, max(ray_end + shift, near + _NEAREST)


def homography(rotation_from: Tensor, intrinsics_from: Tensor, rotation_to: Tensor, intrinsics_to: Tensor) -> Tensor:
    """Matrices ``[N, 3, 3]`` that carry image points of one camera to another one with the same centre.

    Args:
        rotation_from, rotation_to: camera-to-world rotations ``[N, 3, 3]``.
        intrinsics_from, intrinsics_to: ``[N, 3, 3]``, normalised by the image sizes.
    """
    return intrinsics_to @ rotation_to.mT @ rotation_from @ torch.linalg.inv(intrinsics_from)


def resampling_grid(matrix: Tensor, height: int, width: int) -> Tensor:
    """Where the pixels of the asked picture lie in the other one.

    Args:
        matrix: homographies ``[N, 3, 3]`` from the asked picture to the one that is read.
        height, width: size of the asked picture in pixels.

    Returns:
        ``[N, height, width, 2]`` for ``grid_sample(align_corners=False)``: [-1, 1] is inside; rays that
        leave the camera backwards lie far outside.
    """
    uv = pixel_centres(height, width, matrix)
    points = torch.cat([uv, torch.ones_like(uv[..., :1])], dim=-1)
    points = torch.einsum("nij,hwj->nhwi", matrix, points)
    in_front = points[..., 2:] > 1e-6
    grid = 2.0 * points[..., :2] / points[..., 2:].clamp_min(1e-6) - 1.0
    return torch.where(in_front, grid.clamp(-_OUTSIDE, _OUTSIDE), torch.full_like(grid, _OUTSIDE))
