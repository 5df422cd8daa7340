"""Smoothing that keeps the volume (Taubin, "A Signal Processing Approach to Fair Surface Design", SIGGRAPH 1995)."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, diags

_SHRINK, _GROW = 0.5, -0.53
"""Taubin's lambda and mu: 1 / lambda + 1 / mu, the highest frequency that passes whole, is 0.11."""


def smoothed(vertices: np.ndarray, faces: np.ndarray, rounds: int, base: np.float32 | None = None) -> np.ndarray:
    """Moves each vertex towards the mean of its neighbours and, a little farther, away from it again.

    Args:
        vertices: [V, 3].
        faces: [F, 3] of a closed mesh.
        rounds: how often both steps are made; 0 changes nothing.
        base: height of a flat base; its vertices stay in it, and no other sinks below it.

    Returns:
        [V, 3] float32.
    """
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    # In a closed mesh each edge occurs once in either direction.
    links = coo_matrix((np.ones(len(start)), (start, end)), shape=(len(vertices),) * 2).tocsr()
    mean = diags(1 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)) @ links
    moved = vertices.astype(np.float64)
    for step in (_SHRINK, _GROW) * rounds:
        moved += step * (mean @ moved - moved)
    if base is not None:
        moved[:, 1] = np.where(vertices[:, 1] <= base, base, np.maximum(moved[:, 1], base))
    return moved.astype(np.float32)
