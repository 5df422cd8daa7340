"""Ambient openness: the share of the sky that each vertex of a mesh sees."""

from __future__ import annotations

import numpy as np

from gan3dinv_ns.heads.normals import vertex_normals

_RAYS = 96
_START_DM = 0.012
_REACH_DM = 1.2


def openness(
    vertices: np.ndarray,
    triangles: np.ndarray,
    occluders: list[tuple[np.ndarray, np.ndarray]],
    two_sided: bool = False,
) -> np.ndarray:
    """Cosine-weighted share [n] of directions in which nothing lies within reach (decimetres).

    Args:
        vertices: [n, 3], ``triangles`` [F, 3]: the surface; vertices without a triangle get 1.
        occluders: meshes that hide the sky.
        two_sided: surfaces without thickness (hair): the more open of the two sides counts.
    """
    normals = vertex_normals(vertices, triangles)
    if not two_sided:
        return _open_share(vertices, normals, occluders)
    return np.maximum(_open_share(vertices, normals, occluders), _open_share(vertices, -normals, occluders))


def _open_share(
    vertices: np.ndarray, normals: np.ndarray, occluders: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    for places, triangles in occluders:
        scene.add_triangles(o3d.core.Tensor(places.astype(np.float32)), o3d.core.Tensor(triangles.astype(np.uint32)))
    sphere = _fibonacci_sphere(_RAYS)
    directions = normals[:, None] * 1.001 + sphere
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    origins = np.broadcast_to((vertices + _START_DM * normals)[:, None], directions.shape)
    rays = np.concatenate([origins, directions], axis=-1).astype(np.float32)
    hidden = scene.test_occlusions(o3d.core.Tensor(rays), tfar=_REACH_DM, nthreads=1).numpy()
    return (1 - hidden.mean(axis=1)).astype(np.float32)


def _fibonacci_sphere(count: int) -> np.ndarray:
    """Evenly spread unit vectors [count, 3]; a normal plus one of them is cosine distributed."""
    i = np.arange(count) + 0.5
    height = 1 - 2 * i / count
    turn = np.pi * (1 + 5**0.5) * i
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=-1)
