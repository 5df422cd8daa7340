"""The closed surface on which a density has a given level: marching cubes (Lorensen and Cline 1987, Lewiner
et al. 2003).

What marching cubes alone does not promise is arranged beforehand in the grid: the surface closes flat at the
sides of the box, and no two vertices fall onto one point, so that the mesh stays closed in programs that
merge equal vertices.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes

_CLOSEST_TO_A_SAMPLE = 0.01


def closed_surface(grid: np.ndarray, level: float, box_side: float) -> tuple[np.ndarray, np.ndarray]:
    """Extracts the largest closed surface around densities above `level`.

    Args:
        grid: [R + 2]^3 float32 from `gan3dinv_ns.export.density`; changed in place, at the border and next to
            the level.
        level: raw density of the surface.
        box_side: side of the box that the R^3 inner samples fill.

    Returns:
        vertices [V, 3] float32 in box units, faces [F, 3] int32, counter-clockwise seen from outside.

    Raises:
        ValueError: the density nowhere reaches the level.
    """
    highest = float(grid.max())
    if highest <= level:
        raise ValueError(
            f"no surface: the density nowhere exceeds {level:g} (its maximum is {highest:.3g}); "
            "choose a lower density level"
        )
    _close_at_border(grid, level)
    _keep_off_samples(grid, level)
    vertices, faces, _, _ = marching_cubes(grid, level, gradient_direction="ascent", method="lewiner")
    resolution = grid.shape[0] - 2
    vertices = ((vertices - 0.5) / resolution - 0.5) * box_side
    return largest_component(vertices.astype(np.float32), faces.astype(np.int32))


def largest_component(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keeps the connected surface that encloses the largest volume.

    Cavities inside a head are surfaces of their own with negative volume: they are left out, which makes the
    head solid.

    Args:
        vertices: [V, 3].
        faces: [F, 3] indices, counter-clockwise seen from outside.

    Returns:
        The vertices and faces of that surface, renumbered.
    """
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    count, label = connected_parts(edges[:, 0], edges[:, 1], len(vertices))
    face_label = label[faces[:, 0]]
    volumes = np.bincount(face_label, weights=tetrahedron_volumes(vertices, faces), minlength=count)
    winner = int(volumes.argmax())
    kept = label == winner
    renumbered = np.cumsum(kept, dtype=np.int32) - 1
    return vertices[kept], renumbered[faces[face_label == winner]].astype(np.int32)


def connected_parts(start: np.ndarray, end: np.ndarray, count: int) -> tuple[int, np.ndarray]:
    """How many parts a graph of `count` nodes has whose edges [E] lead from `start` to `end`, and each node's part
    [count]."""
    links = coo_matrix((np.ones(len(start), bool), (start, end)), shape=(count, count))
    parts, label = connected_components(links, directed=False)
    return int(parts), label


def tetrahedron_volumes(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed volumes [F] of the tetrahedra from the origin to each face; over a closed surface they add up to
    its volume."""
    a, b, c = vertices[faces].astype(np.float64).transpose(1, 0, 2)
    return (a * np.cross(b, c)).sum(1) / 6


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Outward unit normals [V, 3] float32: the area-weighted mean over the faces at each vertex."""
    a, b, c = vertices[faces].astype(np.float64).transpose(1, 0, 2)
    weighted = np.cross(b - a, c - a)
    summed = np.stack(
        [
            np.bincount(faces.ravel(), weights=np.repeat(weighted[:, axis], 3), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return (summed / np.maximum(length, 1e-20)).astype(np.float32)


def _close_at_border(grid: np.ndarray, level: float) -> None:
    """Mirrors the outermost samples about the level into the border: the surface then closes halfway, at the
    box's side."""
    for axis in range(3):
        view = np.moveaxis(grid, axis, 0)
        view[0] = level - np.abs(view[1] - level)
        view[-1] = level - np.abs(view[-2] - level)


def _keep_off_samples(grid: np.ndarray, level: float) -> None:
    """Moves values next to the level away from it, so that no vertex comes closer than 1 % of a cell to a
    sample.

    On an edge from value a to b the vertex lies at t = (level - a) / (b - a): |level - a| >= 0.01 |b - a|
    keeps t off the ends. Only samples with a neighbour on the other side of the level matter.
    """
    above = grid > level
    last = grid.shape[0] - 1
    for x in range(grid.shape[0]):
        y, z = np.nonzero(_beside_surface(above, x))
        if len(y) == 0:
            continue
        value = grid[x, y, z]
        reach = np.zeros_like(value)
        for dx, dy, dz in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
            neighbour = grid[np.clip(x + dx, 0, last), np.clip(y + dy, 0, last), np.clip(z + dz, 0, last)]
            reach = np.maximum(reach, np.abs(neighbour - value))
        least = np.maximum(reach * _CLOSEST_TO_A_SAMPLE * 1.1, 1e-6 * max(abs(level), 1.0))
        higher, lower = np.maximum(value, level + least), np.minimum(value, level - least)
        grid[x, y, z] = np.where(above[x, y, z], higher, lower)


def _beside_surface(above: np.ndarray, x: int) -> np.ndarray:
    """Samples of slab `x` that have one of their six neighbours on the other side of the level."""
    here = above[x]
    found = np.zeros_like(here)
    for other in (x - 1, x + 1):
        if 0 <= other < len(above):
            found |= here != above[other]
    across_y = here[1:] != here[:-1]
    found[1:] |= across_y
    found[:-1] |= across_y
    across_z = here[:, 1:] != here[:, :-1]
    found[:, 1:] |= across_z
    found[:, :-1] |= across_z
    return found
