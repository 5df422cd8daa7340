"""Pictures of a head by ray casting: colours, depth and coverage, clipped to EG3D's box.

One ray through the centre of each pixel gives depth and colour; pixels whose neighbourhood varies are cast
again with several rays and averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.heads.attributes import HeadAttributes, draw_attributes
from gan3dinv_ns.heads.geometry import HeadGeometry, build_geometry
from gan3dinv_ns.heads.shading import albedo, light, shade
from gan3dinv_ns.heads.template import HeadTemplate

HALF_BOX = 0.5
_CONTRAST = 0.04


@dataclass(frozen=True)
class Pictures:
    """V views of one head on white.

    Attributes:
        rgb: [V, R, R, 3] float32 in [0, 1], coverage taken into account.
        alpha: [V, R, R] float32 coverage in [0, 1].
        depth: [V, R, R] float32 distance along the unit ray through the pixel's centre; 0 where it hits nothing.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images [V, 3, R, R] in [-1, 1], depth and coverage [V, 1, R, R]."""
        images = torch.from_numpy(self.rgb).permute(0, 3, 1, 2) * 2 - 1
        return images, torch.from_numpy(self.depth)[:, None], torch.from_numpy(self.alpha)[:, None]


def render_head(
    template: HeadTemplate,
    head: int | HeadAttributes,
    cameras: np.ndarray | torch.Tensor | Sequence[tuple[float, float]],
    resolution: int = 128,
    supersample: int = 3,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Render one head for evaluation.

    Args:
        template: see :func:`load_template`.
        head: a seed or attributes.
        cameras: camera_to_world [V, 4, 4] (OpenCV axes), or a list of (yaw, pitch) in radians.

    Returns:
        Images [V, 3, R, R] in [-1, 1] on white, depth [V, 1, R, R] (distance along the unit ray, 0: nothing hit)
        and coverage [V, 1, R, R].
    """
    attributes = draw_attributes(head) if isinstance(head, int) else head
    geometry = build_geometry(template, attributes)
    pictures = render_geometry(geometry, attributes, camera_matrices(cameras), resolution, supersample)
    return pictures.tensors()


def camera_matrices(cameras: np.ndarray | torch.Tensor | Sequence[tuple[float, float]]) -> np.ndarray:
    """Cameras as camera_to_world [V, 4, 4] float32; angles become orbit cameras.

    Raises:
        ValueError: neither matrices nor pairs of angles.
    """
    array = torch.as_tensor(np.asarray(cameras), dtype=torch.float32)
    if array.ndim == 2 and array.shape[1] == 2:
        array = orbit(array[:, 0], array[:, 1])
    if array.ndim != 3 or array.shape[1:] != (4, 4):
        raise ValueError(f"cameras must be matrices [V, 4, 4] or pairs (yaw, pitch), not {list(array.shape)}")
    return array.numpy()


def render_geometry(
    geometry: HeadGeometry,
    attributes: HeadAttributes,
    camera_to_world: np.ndarray,
    resolution: int = 128,
    supersample: int = 3,
) -> Pictures:
    """Render cameras [V, 4, 4] of a head; at edges ``supersample`` rays along each side of a pixel are averaged."""
    scene = _Scene(geometry, attributes)
    views = len(camera_to_world)
    cells = views * resolution * resolution
    colours, distance = scene.look(*_pixel_rays(camera_to_world, resolution, np.arange(cells), 1))
    rgb = colours.reshape(views, resolution, resolution, 3)
    depth = distance.reshape(views, resolution, resolution)
    alpha = (depth > 0).astype(np.float32)
    edges = np.flatnonzero(_varies(rgb, alpha))
    if supersample > 1 and len(edges):
        colours, distance = scene.look(*_pixel_rays(camera_to_world, resolution, edges, supersample))
        rgb.reshape(-1, 3)[edges] = colours.reshape(-1, supersample**2, 3).mean(axis=1)
        alpha.reshape(-1)[edges] = (distance.reshape(-1, supersample**2) > 0).mean(axis=1)
    return Pictures(rgb, alpha, depth)


def _pixel_rays(
    camera_to_world: np.ndarray, resolution: int, pixels: np.ndarray, supersample: int
) -> tuple[np.ndarray, np.ndarray]:
    """Origins and unit directions [n * supersample^2, 3] through flat pixel indices [n] over all views."""
    inside = (np.arange(supersample, dtype=np.float32) + 0.5) / supersample
    column = (pixels % resolution)[:, None, None] + inside[None, None, :]
    row = (pixels // resolution % resolution)[:, None, None] + inside[None, :, None]
    x, y = np.broadcast_arrays(column / resolution - 0.5, row / resolution - 0.5)
    x, y = x.ravel().astype(np.float32) / FOCAL, y.ravel().astype(np.float32) / FOCAL
    length = 1 / np.sqrt(x * x + y * y + 1)
    view = np.repeat(pixels // resolution**2, supersample**2)
    axes = camera_to_world[:, :3, :3].astype(np.float32)
    directions = np.empty((len(x), 3), np.float32)
    for axis in range(3):
        right, down, forward = (axes[:, axis, k][view] for k in range(3))
        directions[:, axis] = (x * right + y * down + forward) * length
    return camera_to_world[:, :3, 3].astype(np.float32)[view], directions


def _varies(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Flags [V, R, R]: pixels that differ from one of their four neighbours."""
    values = np.concatenate([rgb, alpha[..., None]], axis=-1)
    flags = np.zeros(alpha.shape, bool)
    across = np.abs(np.diff(values, axis=2)).max(axis=-1) > _CONTRAST
    down = np.abs(np.diff(values, axis=1)).max(axis=-1) > _CONTRAST
    flags[:, :, 1:] |= across
    flags[:, :, :-1] |= across
    flags[:, 1:] |= down
    flags[:, :-1] |= down
    return flags


class _Scene:
    """A head in a ray caster."""

    def __init__(self, geometry: HeadGeometry, attributes: HeadAttributes) -> None:
        import open3d as o3d

        self.geometry, self.attributes = geometry, attributes
        self.tensor: Any = o3d.core.Tensor
        self.caster = o3d.t.geometry.RaycastingScene(nthreads=1)
        self.caster.add_triangles(self.tensor(geometry.vertices), self.tensor(geometry.triangles.astype(np.uint32)))
        self.table = np.concatenate(
            [geometry.normals, geometry.rest, geometry.uvs, geometry.openness[:, None]], axis=1, dtype=np.float32
        )

    def look(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Colours [n, 3] (white where nothing is hit) and distances [n] (0 there) of rays."""
        distance, triangle, uv = self._cast(origins, directions)
        hit = np.flatnonzero(np.isfinite(distance))
        points = origins[hit] + distance[hit, None] * directions[hit]
        outside = hit[(np.abs(points) > HALF_BOX).any(axis=1)]
        if len(outside):
            enter, leave = _box_span(origins[outside], directions[outside])
            start = origins[outside] + enter[:, None] * directions[outside]
            beyond, triangle[outside], uv[outside] = self._cast(start, directions[outside])
            distance[outside] = np.where((leave > enter) & (beyond < leave - enter), enter + beyond, np.inf)
            hit = np.flatnonzero(np.isfinite(distance))
        colours = np.ones((len(origins), 3), np.float32)
        colours[hit] = self._colours(triangle[hit], uv[hit])
        return colours, np.where(np.isfinite(distance), distance, 0).astype(np.float32)

    def _cast(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rays = np.concatenate([origins, directions], axis=1)
        answer = self.caster.cast_rays(self.tensor(rays), nthreads=1)
        return answer["t_hit"].numpy(), answer["primitive_ids"].numpy(), answer["primitive_uvs"].numpy()

    def _colours(self, triangle: np.ndarray, uv: np.ndarray) -> np.ndarray:
        corners = self.geometry.triangles[triangle]
        values = self.table[corners[:, 0]] * (1 - uv[:, :1] - uv[:, 1:])
        values += self.table[corners[:, 1]] * uv[:, :1]
        values += self.table[corners[:, 2]] * uv[:, 1:]
        normals = values[:, :3]
        normals /= np.sqrt(np.einsum("nc,nc->n", normals, normals) + 1e-12)[:, None]
        materials = self.geometry.materials[triangle]
        colours = albedo(materials, values[:, 3:6], values[:, 6:8], self.attributes)
        return shade(colours, light(materials, normals, values[:, 8], self.attributes))


def _box_span(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances at which rays enter and leave the box."""
    inverse = 1 / np.where(np.abs(directions) < 1e-9, 1e-9, directions)
    low, high = (-HALF_BOX - origins) * inverse, (HALF_BOX - origins) * inverse
    return np.maximum(np.minimum(low, high).max(axis=1), 0), np.maximum(low, high).min(axis=1)
