"""Mesh files, written whole or not at all: `.ply` (binary), `.obj` and `.glb` with colours, `.stl` (binary) and `.3mf`
for slicers without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan3dinv_ns.export.gltf import MATERIAL, with_linear_colours
from gan3dinv_ns.export.mesh import Mesh
from gan3dinv_ns.export.surface import vertex_normals
from gan3dinv_ns.ops.atomic_files import atomic_path

if TYPE_CHECKING:
    from trimesh import Trimesh

SUFFIXES = (".ply", ".obj", ".glb", ".stl", ".3mf")


def write_mesh(path: str | Path, mesh: Mesh) -> list[Path]:
    """Writes a mesh; the suffix of `path` chooses the format.

    `.glb` and `.obj` have the mesh's texture if there is one, the latter in `.mtl` and `.png` files of its name beside
    it, else the colours of its vertices, as `.ply` has always. `.stl` and `.3mf` are in millimetres, z up.

    Returns:
        The files written, `path` last.

    Raises:
        ValueError: the suffix is none of `SUFFIXES`.
        FileWriteError: the disk is full or the place is not writable.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{path}: a mesh is not written with the suffix {path.suffix!r}; use .ply, .obj, .glb, .stl or .3mf"
        )
    if suffix in (".stl", ".3mf"):
        files = {path: _export(_for_slicers(mesh), suffix)}
    elif mesh.texture is None or suffix == ".ply":
        files = {path: _export(_coloured(mesh), suffix)}
    elif suffix == ".glb":
        files = {path: _export(_textured(mesh, path.stem), suffix)}
    else:
        files = _textured_obj(path, mesh)
    for file, content in files.items():
        with atomic_path(file) as temporary:
            temporary.write_bytes(content)
    return list(files)


def _export(shape: Trimesh, suffix: str) -> bytes:
    if suffix == ".glb":
        from trimesh.exchange.gltf import export_glb

        # Without normals glTF means flat faces.
        return export_glb(shape, include_normals=True, buffer_postprocessor=with_linear_colours)
    content = shape.export(file_type=suffix[1:])
    assert isinstance(content, (str, bytes))
    return content.encode("utf-8") if isinstance(content, str) else content


def _textured_obj(path: Path, mesh: Mesh) -> dict[Path, bytes]:
    """Contents of the picture, the material and the mesh, which name each other in this order."""
    from trimesh.exchange.obj import export_obj

    text, others = export_obj(
        _textured(mesh, path.stem), include_normals=True, return_texture=True, mtl_name=f"{path.stem}.mtl"
    )
    beside = {path.with_name(name): content for name, content in others.items()}
    return {**beside, path: text.encode("utf-8")}


def _coloured(mesh: Mesh) -> Trimesh:
    import trimesh

    opaque = np.full((len(mesh.colours), 1), 255, dtype=np.uint8)
    return trimesh.Trimesh(
        vertices=mesh.vertices,
        faces=mesh.faces,
        vertex_colors=np.concatenate([mesh.colours, opaque], axis=1),
        metadata=_units(mesh),
        process=False,
    )


def _textured(mesh: Mesh, name: str) -> Trimesh:
    """The mesh with its vertices repeated along seams; normals are those of the whole, so that no seam shows."""
    import trimesh
    from PIL import Image

    assert mesh.texture is not None
    unwrapped = mesh.texture.unwrapped
    material = trimesh.visual.material.PBRMaterial(
        name=name, baseColorTexture=Image.fromarray(mesh.texture.image), **MATERIAL
    )
    return trimesh.Trimesh(
        vertices=mesh.vertices[unwrapped.origin],
        faces=unwrapped.faces,
        vertex_normals=vertex_normals(mesh.vertices, mesh.faces)[unwrapped.origin],
        visual=trimesh.visual.TextureVisuals(uv=unwrapped.uv, material=material),
        metadata=_units(mesh),
        process=False,
    )


def _for_slicers(mesh: Mesh) -> Trimesh:
    """In millimetres, z up and the face towards -y: as it shall stand on a printer's bed."""
    import trimesh

    x, y, z = mesh.vertices.T * np.float32(mesh.metres_per_length * 1000)
    return trimesh.Trimesh(vertices=np.stack([x, -z, y], axis=1), faces=mesh.faces, process=False)


def _units(mesh: Mesh) -> dict[str, str | float]:
    return {"unit": mesh.unit, "metres_per_length": mesh.metres_per_length}
