"""The flat base of a mesh: everything below a horizontal plane is taken away, and the plane closes what is left.

The plane lies halfway between two slabs of the density grid. The grid is emptied below it before the surface is
extracted, which closes the surface; its vertices between the two slabs are then moved onto the plane.
"""

from __future__ import annotations

import numpy as np

from gan3dinv_ns.export.density import EMPTY

_NECK_FROM, _NECK_TO = -0.30, -0.19
"""Heights in box units between which necks of canonical heads are narrowest: -0.27 to -0.20 in samples of the embedded
generator, whose chins lie between -0.21 and -0.13."""
_NEAR_THE_END = 0.1
_WIDE_ENOUGH = 0.8
_FACING_DOWN = 0.7


def neck_slab(grid: np.ndarray, level: float, box_side: float) -> int:
    """The y index of the grid at which the neck is narrowest.

    Args:
        grid: [R + 2]^3 as from `gan3dinv_ns.export.density`.
        level: raw density of the surface.
        box_side: side of the box that the R^3 inner samples fill.
    """
    area = _cross_sections(grid, level)
    resolution = len(area) - 2
    heights = ((np.arange(len(area)) - 0.5) / resolution - 0.5) * box_side
    neck = np.flatnonzero((heights >= _NECK_FROM) & (heights <= _NECK_TO) & (area > 0))
    return int(neck[area[neck].argmin()]) if len(neck) else standing_slab(grid, level)


def standing_slab(grid: np.ndarray, level: float) -> int:
    """The lowest y index of the grid at which a mesh is nearly as broad as anywhere near its lower end, so that it
    stands there. See `neck_slab`."""
    area = _cross_sections(grid, level)
    inside = np.flatnonzero(area > 0)
    if not len(inside):
        return 1
    end = area[inside[0] : inside[0] + max(1, round(_NEAR_THE_END * len(area)))]
    return int(inside[0] + (end >= _WIDE_ENOUGH * end.max()).argmax())


def cut_below(grid: np.ndarray, slab: int) -> None:
    """Empties the grid below a y index, in place."""
    grid[:, :slab] = EMPTY


def plane_height(slab: int, resolution: int, box_side: float) -> np.float32:
    """Height in box units of the plane below a slab, R being the resolution."""
    return np.float32(((slab - 1) / resolution - 0.5) * box_side)


def flatten_cut(vertices: np.ndarray, plane: np.float32, cell: float) -> np.ndarray:
    """Moves the vertices between the slabs of the cut onto the plane, along y.

    Args:
        vertices: [V, 3] of the surface of a grid that was cut, in box units.
        plane: height of the cut.
        cell: distance of two slabs.
    """
    return _onto_plane(vertices, vertices[:, 1] < plane + 0.495 * cell, plane)


def flatten_base(vertices: np.ndarray, faces: np.ndarray, plane: np.float32, reach: float) -> np.ndarray:
    """Moves what a decimation has left near the base onto it again.

    Args:
        vertices: [V, 3] in box units.
        faces: [F, 3].
        plane: height of the base.
        reach: vertices of faces that look down belong to the base if they are no higher than this above it.
    """
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    down = normals[:, 1] < -_FACING_DOWN * np.linalg.norm(normals, axis=1)
    flat = down & (corners[..., 1].max(axis=1) < plane + reach)
    base = vertices[:, 1] < plane
    base[faces[flat]] = True
    return _onto_plane(vertices, base, plane)


def base_area(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Area of the faces that lie in the lowest plane y = const, in the squared unit of the vertices."""
    lowest = vertices[:, 1] == vertices[:, 1].min()
    a, b, c = vertices[faces[lowest[faces].all(axis=1)]].astype(np.float64).transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def _cross_sections(grid: np.ndarray, level: float) -> np.ndarray:
    """Samples above the level [R + 2] at each y index."""
    return np.array([np.count_nonzero(grid[:, y] > level) for y in range(grid.shape[1])])


def _onto_plane(vertices: np.ndarray, chosen: np.ndarray, plane: np.float32) -> np.ndarray:
    moved = vertices.copy()
    moved[chosen, 1] = plane
    return moved
