"""Mesh files: `.ply` (binary), `.obj` (with vertex colours) and `.glb`, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan3dinv_ns.export.mesh import Mesh
from gan3dinv_ns.ops.atomic_files import atomic_path

SUFFIXES = (".ply", ".obj", ".glb")


def write_mesh(path: str | Path, mesh: Mesh) -> None:
    """Writes a mesh with its vertex colours; the suffix of `path` chooses the format.

    Raises:
        ValueError: the suffix is none of `SUFFIXES`.
        FileWriteError: the disk is full or the place is not writable.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: a mesh is not written with the suffix {path.suffix!r}; use .ply, .obj or .glb")
    import trimesh

    opaque = np.full((len(mesh.colours), 1), 255, dtype=np.uint8)
    shape = trimesh.Trimesh(
        vertices=mesh.vertices,
        faces=mesh.faces,
        vertex_colors=np.concatenate([mesh.colours, opaque], axis=1),
        metadata={"unit": mesh.unit, "metres_per_length": mesh.metres_per_length},
        process=False,
    )
    with atomic_path(path) as temporary:
        shape.export(temporary)
