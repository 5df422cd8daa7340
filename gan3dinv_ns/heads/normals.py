"""Smooth vertex normals."""

from __future__ import annotations

import numpy as np


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [n, 3] of a mesh; zero for vertices without a triangle."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    corners = triangles.ravel()
    normals = np.stack(
        [np.bincount(corners, np.repeat(faces[:, axis], 3), len(vertices)) for axis in range(3)], axis=-1
    )
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-12)).astype(np.float32)
