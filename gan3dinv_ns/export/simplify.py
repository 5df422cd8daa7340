"""Fewer faces: edges are collapsed in the order of their quadric error (Garland and Heckbert, "Surface Simplification
Using Quadric Error Metrics", SIGGRAPH 1997)."""

from __future__ import annotations

import numpy as np


def decimated(vertices: np.ndarray, faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Decimates a closed mesh, which stays closed and keeps its tunnels.

    libigl collapses an edge only where its two ends have no common neighbour but the two beside it, so no two
    sheets grow together; the faster libraries, which do not look, leave edges of four faces in heads with tunnels.

    Args:
        vertices: [V, 3].
        faces: [F, 3].
        count: how many faces shall be left; not fewer than the tunnels allow.

    Returns:
        vertices [V', 3] float32 and faces [F', 3] int32; those given where there are no more than `count` faces.
    """
    if len(faces) <= count:
        return vertices, faces
    import igl

    found, kept, _, _ = igl.qslim(vertices.astype(np.float64), faces.astype(np.int64), count)
    return found.astype(np.float32), kept.astype(np.int32)
