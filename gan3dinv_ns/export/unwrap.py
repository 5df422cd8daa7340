"""The plane map of a mesh: charts (xatlas), and which texel shows which point of which face.

Texture coordinates have their origin at the lower left of the picture, as in `.obj`: the centre of the texel in row r
and column c of S x S lies at u = (c + 1/2) / S, v = 1 - (r + 1/2) / S.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_PADDING = 4
"""Texels between charts, so that smaller copies of the picture do not mix them."""
_CANDIDATES_AT_ONCE = 1 << 22
_ON_THE_EDGE = 1e-6


@dataclass(frozen=True)
class Unwrapped:
    """A mesh whose vertices are repeated along the seams between charts.

    Attributes:
        origin: [T] int64: of which vertex of the mesh each is a copy.
        faces: [F, 3] int32 into them, in the order of the mesh's faces.
        uv: [T, 2] float32 in [0, 1].
    """

    origin: np.ndarray
    faces: np.ndarray
    uv: np.ndarray


def unwrap(vertices: np.ndarray, faces: np.ndarray, size: int) -> Unwrapped:
    """Cuts a mesh into charts and lays them beside each other.

    Args:
        vertices: [V, 3].
        faces: [F, 3].
        size: side of the picture in texels.
    """
    import xatlas

    packing = xatlas.PackOptions()
    packing.resolution, packing.padding = size, _PADDING
    atlas = xatlas.Atlas()
    atlas.add_mesh(vertices.astype(np.float32), faces.astype(np.uint32))
    atlas.generate(pack_options=packing)
    origin, corners, uv = atlas[0]
    return Unwrapped(origin.astype(np.int64), corners.astype(np.int32), np.clip(uv, 0, 1).astype(np.float32))


def faces_of_texels(unwrapped: Unwrapped, size: int) -> np.ndarray:
    """Which face's triangle contains each texel's centre.

    Returns:
        [size, size] int32, -1 in the gutters.
    """
    corners = _texel_positions(unwrapped, size)[unwrapped.faces]
    shown = np.full((size, size), -1, dtype=np.int32)
    first = np.clip(np.ceil(corners.min(axis=1) - 1e-3), 0, size - 1).astype(np.int64)
    last = np.clip(np.floor(corners.max(axis=1) + 1e-3), -1, size - 1).astype(np.int64)
    extent = np.maximum(last - first + 1, 0)
    for chosen in _batches(extent.prod(axis=1)):
        count = extent[chosen].prod(axis=1)
        face = np.repeat(np.arange(chosen.start, chosen.stop), count)
        nth = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
        width = extent[face, 0]
        at = first[face] + np.stack([nth % width, nth // width], axis=1)
        inside = _weights(corners[face], at).min(axis=1) >= -_ON_THE_EDGE
        shown[at[inside, 1], at[inside, 0]] = face[inside]
    return shown


def weights_in_faces(
    unwrapped: Unwrapped, size: int, rows: np.ndarray, columns: np.ndarray, faces: np.ndarray
) -> np.ndarray:
    """Barycentric weights [N, 3] of the centres of texels in the triangles of `faces` [N]."""
    corners = _texel_positions(unwrapped, size)[unwrapped.faces[faces]]
    return _weights(corners, np.stack([columns, rows], axis=1)).astype(np.float32)


def _texel_positions(unwrapped: Unwrapped, size: int) -> np.ndarray:
    """Column and row [T, 2] of the vertices, whole numbers at the centres of texels."""
    u, v = unwrapped.uv.astype(np.float64).T
    return np.stack([u * size - 0.5, (1 - v) * size - 0.5], axis=1)


def _weights(corners: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Barycentric weights [N, 3] of points [N, 2] in triangles [N, 3, 2]; -1 in triangles without an area."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    whole = _cross(b - a, c - a)
    parts = np.stack([_cross(b - at, c - at), _cross(c - at, a - at)], axis=1)
    flat = np.abs(whole) < 1e-12
    first_two = parts / np.where(flat, 1, whole)[:, None]
    weights = np.concatenate([first_two, 1 - first_two.sum(axis=1, keepdims=True)], axis=1)
    weights[flat] = -1
    return weights


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _batches(counts: np.ndarray) -> Iterator[slice]:
    """Consecutive faces with about `_CANDIDATES_AT_ONCE` texels together."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CANDIDATES_AT_ONCE, side="right")))
        yield slice(start, stop)
        start = stop
