"""From a head to a mesh: grid, surface, colours, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gan3dinv_ns.export.colours import surface_colours
from gan3dinv_ns.export.density import PointField, Progress, density_everywhere, density_near_surface
from gan3dinv_ns.export.head import Head
from gan3dinv_ns.export.level import surface_level
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.surface import closed_surface, tetrahedron_volumes, vertex_normals
from gan3dinv_ns.export.unseen import continue_colours, seen_part
from gan3dinv_ns.export.views import view_colours

StageProgress = Callable[[str, float], None]
"""Told the name of the stage and its finished part, from 0 to 1."""

Look = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Vertices [V, 3] and normals [V, 3] -> colours [V, 3] in [0, 255] and trust [V] in [0, 1]."""


@dataclass(frozen=True)
class Mesh:
    """A closed triangle mesh with colours; y is up and the face looks along +z (glTF's axes).

    Attributes:
        vertices: [V, 3] float32, in box units or in metres.
        faces: [F, 3] int32, counter-clockwise seen from outside.
        colours: [V, 3] uint8.
        metres_per_length: metres that one unit of `vertices` stands for.
        unit: "box" or "m".
        density_level: raw density on the surface.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    metres_per_length: float
    unit: str
    density_level: float


@dataclass(frozen=True)
class MeshReport:
    """Figures of a mesh.

    Attributes:
        vertices: number of vertices.
        faces: number of faces.
        watertight: every edge belongs to exactly two faces that run along it in opposite directions.
        euler_number: V - E + F; 2 for a ball, 2 less for each tunnel.
        volume_litres: enclosed volume.
        size_cm: extent along x, y, z.
        unit: unit of the coordinates in the files, "box" or "m".
        metres_per_length: metres that one of those units stands for.
        density_level: raw density on the surface.
    """

    vertices: int
    faces: int
    watertight: bool
    euler_number: int
    volume_litres: float
    size_cm: tuple[float, float, float]
    unit: str
    metres_per_length: float
    density_level: float

    def as_dict(self) -> dict[str, Any]:
        """The figures under their names, ready for JSON."""
        return asdict(self)


def mesh_from_head(
    head: Head, settings: MeshSettings, progress: StageProgress | None = None
) -> tuple[Mesh, np.ndarray]:
    """Meshes a head; see `mesh_from_field`. Where a camera sees it, colours come from finished images."""

    def look(vertices: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return view_colours(head, vertices, normals)

    return mesh_from_field(head.field(), settings, progress, look if settings.colours == "views" else None)


def mesh_from_field(
    field: PointField, settings: MeshSettings, progress: StageProgress | None = None, look: Look | None = None
) -> tuple[Mesh, np.ndarray]:
    """Meshes a field: its largest closed surface at the density level, coloured.

    Needs the grid ((R + 2)^3 float32: 70 MB for R = 256, 0.54 GB for 512), the mesh, and chunks of 131,072 points.

    Args:
        field: the head.
        settings: see `MeshSettings`.
        progress: told as the work goes on, with the stages "density", "surface", "colours".
        look: gives better colours than the field's, with how far they are to be trusted; see `view_colours`.

    Returns:
        The mesh and the sampled density, [R + 2]^3 with its border; complete if "mrc" is among the formats.

    Raises:
        ValueError: a setting cannot be used, or the density nowhere reaches the level.
    """
    settings.check()
    tell: StageProgress = progress or (lambda stage, part: None)
    level = surface_level(field) if settings.density_level is None else settings.density_level
    grid = _density(field, settings, level, lambda part: tell("density", part))
    tell("surface", 0.0)
    vertices, faces = closed_surface(grid, level, field.box_side)
    tell("surface", 1.0)
    normals = vertex_normals(vertices, faces)
    colours = surface_colours(field, vertices, normals, lambda part: tell("colours", part))
    if look is not None:
        seen, trust = look(vertices, normals)
        colours = np.round(colours + trust[:, None] * (seen - colours)).astype(np.uint8)
    if settings.continue_colours:
        colours = continue_colours(colours, faces, seen_part(normals))
    scale = settings.metres_per_unit if settings.metric else 1.0
    mesh = Mesh(
        vertices=vertices * np.float32(scale),
        faces=faces,
        colours=colours,
        metres_per_length=settings.metres_per_unit / scale,
        unit="m" if settings.metric else "box",
        density_level=level,
    )
    return mesh, grid


def _density(field: PointField, settings: MeshSettings, level: float, progress: Progress) -> np.ndarray:
    """The whole volume where it is to be written, else only what the surface needs."""
    margin = settings.margin_in(field.box_side)
    if "mrc" in settings.formats:
        return density_everywhere(field, settings.resolution, margin, progress)
    return density_near_surface(field, settings.resolution, level, margin, progress)


def report_of(mesh: Mesh) -> MeshReport:
    """Measures a mesh; lengths are given in metric units whatever unit its vertices have."""
    watertight, edges = _edge_statistics(mesh.faces)
    scale = mesh.metres_per_length
    volume = float(tetrahedron_volumes(mesh.vertices, mesh.faces).sum()) * scale**3
    x, y, z = (np.ptp(mesh.vertices, axis=0) * scale * 100).tolist()
    return MeshReport(
        vertices=len(mesh.vertices),
        faces=len(mesh.faces),
        watertight=watertight,
        euler_number=len(mesh.vertices) - edges + len(mesh.faces),
        volume_litres=round(volume * 1000, 4),
        size_cm=(round(x, 2), round(y, 2), round(z, 2)),
        unit=mesh.unit,
        metres_per_length=scale,
        density_level=round(mesh.density_level, 3),
    )


def _edge_statistics(faces: np.ndarray) -> tuple[bool, int]:
    """Whether each directed edge occurs once and its reverse once too, and the number of undirected edges."""
    a = faces.astype(np.int64)
    b = np.roll(a, -1, axis=1)
    count = int(faces.max()) + 1
    forward = np.sort((a * count + b).ravel())
    backward = np.sort((b * count + a).ravel())
    once = bool((np.diff(forward) > 0).all())
    edges = len(np.unique((np.minimum(a, b) * count + np.maximum(a, b)).ravel()))
    return once and bool((forward == backward).all()), edges
