"""Tri-planes: three feature images that a point is projected onto (EG3D, section 4.1).

A point (x, y, z) in box units is scaled by 2 / box_warp, so that the cube of side box_warp becomes [-1, 1]^3, and
read bilinearly in each plane; outside of the cube the planes are zero.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.eg3d.cpu.triplane_gather import gather_mean, plane_table

PlaneAxes = Literal["eg3d", "yz"]

# For each plane the coordinate along its width and the one along its height. EG3D reads the third plane at (z, x),
# which repeats the second; later networks read (y, z).
_AXES: dict[str, tuple[tuple[int, int], ...]] = {
    "eg3d": ((0, 1), (0, 2), (2, 0)),
    "yz": ((0, 1), (0, 2), (1, 2)),
}


def check_plane_axes(plane_axes: str) -> None:
    """Raises: ValueError for a name that is not a plane order."""
    if plane_axes not in _AXES:
        raise ValueError(f"plane_axes {plane_axes!r}: must be one of {', '.join(get_args(PlaneAxes))}")


def project_onto_planes(points: Tensor, box_warp: float, plane_axes: PlaneAxes = "eg3d") -> Tensor:
    """Points [N, M, 3] -> their places on the planes [N, 3, M, 2], in [-1, 1] inside the box."""
    scaled = points * (2.0 / box_warp)
    return torch.stack([scaled[..., list(axes)] for axes in _AXES[plane_axes]], dim=1)


class PlaneReader:
    """Reads the mean of the three planes' features at points; made once for all points of the same planes.

    On a CPU the reading is `triplane_gather`, elsewhere `grid_sample`; their values agree.

    Args:
        planes: [N, 3, C, R, R].
        box_warp: side of the cube that the planes cover.
        plane_axes: "eg3d" or "yz" for the third plane.
    """

    def __init__(self, planes: Tensor, box_warp: float, plane_axes: PlaneAxes = "eg3d") -> None:
        self.planes, self.box_warp, self.plane_axes = planes, box_warp, plane_axes
        self.resolution = planes.shape[-1]
        self.table = plane_table(planes) if planes.device.type == "cpu" else None

    def __call__(self, points: Tensor) -> Tensor:
        """Points [N, M, 3] in box units -> features [N, M, C].

        Differentiable in planes and points; in the points only inside the pixels, not at their edges.
        """
        if self.table is None:
            return sample_planes(self.planes, points, self.box_warp, self.plane_axes)
        scale = self.resolution / self.box_warp
        pixels = (points * scale + 0.5 * (self.resolution - 1)).clamp(-1.0, self.resolution)
        coordinates = pixels.unbind(dim=-1)
        x, y = (torch.stack([coordinates[axes[side]] for axes in _AXES[self.plane_axes]], dim=-1) for side in (0, 1))
        return gather_mean(self.table, x, y, self.resolution)


def sample_planes(planes: Tensor, points: Tensor, box_warp: float, plane_axes: PlaneAxes = "eg3d") -> Tensor:
    """Mean of the three planes' features at points, by `grid_sample`: this defines the values of `PlaneReader`.

    Args:
        planes: [N, 3, C, R, R].
        points: [N, M, 3] in box units.
        box_warp: side of the cube that the planes cover.
        plane_axes: "eg3d" or "yz" for the third plane.

    Returns:
        [N, M, C]; differentiable in planes and points (piecewise in the points).
    """
    batch, count, channels, height, width = planes.shape
    grid = project_onto_planes(points, box_warp, plane_axes).reshape(batch * count, 1, -1, 2)
    flat = planes.reshape(batch * count, channels, height, width)
    features = F.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return features.reshape(batch, count, channels, -1).mean(dim=1).transpose(1, 2)
