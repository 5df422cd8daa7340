"""A picture for a mesh: every texel shows the colour that its point of the surface has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from gan3dinv_ns.export.density import Progress
from gan3dinv_ns.export.paint import Paint
from gan3dinv_ns.export.unwrap import Unwrapped, faces_of_texels, unwrap, weights_in_faces

_TEXELS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Texture:
    """A picture, and how it lies on a mesh.

    Attributes:
        unwrapped: the mesh's vertices, repeated along seams, with texture coordinates.
        image: [S, S, 3] uint8, sRGB.
    """

    unwrapped: Unwrapped
    image: np.ndarray


@dataclass(frozen=True)
class Surface:
    """What is painted: a mesh that has the colours of its vertices already.

    Attributes:
        vertices: [V, 3] in box units.
        faces: [F, 3].
        normals: [V, 3] outward unit normals.
        colours: [V, 3] uint8.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    colours: np.ndarray


def bake(surface: Surface, size: int, paint: Paint, progress: Progress | None = None) -> Texture:
    """Unwraps a mesh and paints its picture.

    What was seen is painted texel by texel; what is continued is interpolated between the colours of the vertices. The
    gutters between charts show the colour of the nearest texel, so that filters do not mix charts.

    Args:
        surface: see `Surface`.
        size: side of the picture in texels.
        paint: where colours come from.
        progress: told as the work goes on.
    """
    unwrapped = unwrap(surface.vertices, surface.faces, size)
    shown = faces_of_texels(unwrapped, size)
    image = np.zeros((size, size, 3), dtype=np.uint8)
    rows, columns = np.nonzero(shown >= 0)
    for start in range(0, len(rows), _TEXELS_AT_ONCE):
        row, column = rows[start : start + _TEXELS_AT_ONCE], columns[start : start + _TEXELS_AT_ONCE]
        face = shown[row, column]
        weights = weights_in_faces(unwrapped, size, row, column, face)
        image[row, column] = _painted(surface, surface.faces[face], weights, paint)
        if progress is not None:
            progress((start + len(row)) / len(rows))
    nearest = distance_transform_edt(shown < 0, return_distances=False, return_indices=True)
    return Texture(unwrapped, image[tuple(nearest)])


def _painted(surface: Surface, corners: np.ndarray, weights: np.ndarray, paint: Paint) -> np.ndarray:
    """Colours [N, 3] of the points with barycentric weights [N, 3] between three vertices each [N, 3]."""

    def between(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nkc->nc", weights, values[corners].astype(np.float32))

    normals = between(surface.normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    seen = paint.seen(normals)
    own = paint.colours(between(surface.vertices), normals, seen)
    continued = between(surface.colours)
    return np.round(continued + seen[:, None] * (own - continued)).astype(np.uint8)
