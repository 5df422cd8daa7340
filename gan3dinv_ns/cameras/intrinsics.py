"""Pinhole intrinsics, normalised by the image size.

A point (x, y, z) in front of the camera lands at u = f x / z + 0.5, v = f y / z + 0.5, where (0, 0) is the
upper left corner of the image and (1, 1) the lower right one. The centre of pixel i of n is (i + 0.5) / n.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FOCAL = 4.2647
"""Focal length over image width of EG3D's face cameras."""


def intrinsics_matrix(focal: float = FOCAL, n: int = 1) -> Tensor:
    """Intrinsics ``[n, 3, 3]`` of square cameras with the principal point in the middle.

    Raises:
        ValueError: if the focal length is not positive.
    """
    if not focal > 0:
        raise ValueError(f"the focal length must be positive, not {focal}.")
    matrix = torch.tensor([[focal, 0.0, 0.5], [0.0, focal, 0.5], [0.0, 0.0, 1.0]])
    return matrix.expand(n, 3, 3).clone()


def fov_rad(focal: float = FOCAL) -> float:
    """Full field of view in radians of an image one unit wide: 2 atan(1 / (2 f))."""
    return 2.0 * math.atan(0.5 / focal)


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """Normalised coordinates ``[height, width, 2]`` (u, v) of all pixel centres, typed like ``like``."""
    u = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / width
    v = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / height
    return torch.stack(torch.meshgrid(u, v, indexing="xy"), dim=-1)


def at_unit_depth(intrinsics: Tensor, uv: Tensor) -> Tensor:
    """Points in camera axes, at z = 1, that land at image points.

    With focal lengths f, skew s and principal point c, a point (u, v) is where (x, y, 1) lands, with
    y = (v - c_y) / f_y and x = (u - c_x - s y) / f_x.

    Args:
        intrinsics: ``[N, 3, 3]``, normalised; upper triangular, with 0 0 1 in the last row.
        uv: ``[..., 2]`` image points in [0, 1], the same for every camera.

    Returns:
        ``[N, ..., 3]``.
    """
    fx, skew, cx, fy, cy = (
        intrinsics[:, row, column].reshape(-1, *[1] * (uv.ndim - 1))
        for row, column in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2))
    )
    y = (uv[..., 1] - cy) / fy
    x = (uv[..., 0] - cx - skew * y) / fx
    return torch.stack([x, y, torch.ones_like(x)], dim=-1)


def ray_directions(intrinsics: Tensor, uv: Tensor) -> Tensor:
    """Unit directions ``[N, ..., 3]`` in camera axes of the rays through image points; see :func:`at_unit_depth`."""
    return torch.nn.functional.normalize(at_unit_depth(intrinsics, uv), dim=-1)


def project(points: Tensor, intrinsics: Tensor) -> Tensor:
    """Image points (u, v) ``[N, M, 2]`` of points ``[N, M, 3]`` in camera axes, with z > 0."""
    homogeneous = torch.einsum("nij,nmj->nmi", intrinsics, points)
    return homogeneous[..., :2] / homogeneous[..., 2:].clamp_min(1e-6)
