"""From a head to a mesh: grid, surface, colours, picture, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan3dinv_ns.export.base import (
    cut_below,
    flatten_base,
    flatten_cut,
    neck_slab,
    plane_height,
    standing_slab,
)
from gan3dinv_ns.export.density import PointField, Progress, density_everywhere, density_near_surface
from gan3dinv_ns.export.head import Head
from gan3dinv_ns.export.level import surface_level
from gan3dinv_ns.export.paint import Look, Paint
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.simplify import decimated
from gan3dinv_ns.export.smooth import smoothed
from gan3dinv_ns.export.surface import closed_surface, vertex_normals
from gan3dinv_ns.export.texture import Surface, Texture, bake
from gan3dinv_ns.export.unseen import continue_colours
from gan3dinv_ns.export.views import View, view_colours, views_of

StageProgress = Callable[[str, float], None]
"""Told the name of the stage and its finished part, from 0 to 1."""


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
        texture: a picture besides, or None.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    metres_per_length: float
    unit: str
    density_level: float
    texture: Texture | None = None


def mesh_from_head(
    head: Head, settings: MeshSettings, progress: StageProgress | None = None
) -> tuple[Mesh, np.ndarray]:
    """Meshes a head; see `mesh_from_field`. Where a camera sees it, colours come from finished images."""
    if settings.colours == "field":
        return mesh_from_field(head.field(), settings, progress)
    views: list[View] = []

    def look(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        views.extend(() if views else views_of(head))
        return view_colours(views, float(head.generator.rendering.box_warp), points, normals)

    return mesh_from_field(head.field(), settings, progress, look)


def mesh_from_field(
    field: PointField, settings: MeshSettings, progress: StageProgress | None = None, look: Look | None = None
) -> tuple[Mesh, np.ndarray]:
    """Meshes a field: its largest closed surface at the density level, coloured.

    Needs the grid ((R + 2)^3 float32: 70 MB for R = 256, 0.54 GB for 512), the mesh, and chunks of 131,072 points.

    Args:
        field: the head.
        settings: see `MeshSettings`.
        progress: told as the work goes on, with the stages "density", "surface", "colours", and "texture" if there is
            one.
        look: gives better colours than the field's, with how far they are to be trusted; see `view_colours`.

    Returns:
        The mesh and the sampled density, [R + 2]^3 with its border; complete if "mrc" is among the formats, but for
        what a part leaves out.

    Raises:
        ValueError: a setting cannot be used, or the density nowhere reaches the level.
    """
    settings.check()
    tell: StageProgress = progress or (lambda stage, part: None)
    level = surface_level(field) if settings.density_level is None else settings.density_level
    grid = _density(field, settings, level, lambda part: tell("density", part))
    tell("surface", 0.0)
    vertices, faces, base = _shape(grid, level, field.box_side, settings)
    tell("surface", 1.0)
    paint = Paint(field, look, settings.continue_colours)
    painted = _coloured(vertices, faces, paint, lambda part: tell("colours", part))
    texture = None
    if settings.texture == "atlas":
        tell("texture", 0.0)
        texture = bake(painted, settings.texture_size, paint, lambda part: tell("texture", part))
    if settings.printable and base is not None:
        vertices = vertices - np.array([0, base, 0], dtype=np.float32)
    scale = _scale(vertices, settings)
    mesh = Mesh(
        vertices=vertices * np.float32(scale),
        faces=faces,
        colours=painted.colours,
        metres_per_length=1.0 if settings.in_metres else settings.metres_per_unit,
        unit="m" if settings.in_metres else "box",
        density_level=level,
        texture=texture,
    )
    return mesh, grid


def _shape(
    grid: np.ndarray, level: float, box_side: float, settings: MeshSettings
) -> tuple[np.ndarray, np.ndarray, np.float32 | None]:
    """Vertices, faces, and the height of the flat base if there shall be one: cut, smoothed and decimated."""
    cell = box_side / settings.resolution
    base = None
    if settings.part == "head" or settings.printable:
        slab = neck_slab(grid, level, box_side) if settings.part == "head" else standing_slab(grid, level)
        cut_below(grid, slab)
        base = plane_height(slab, settings.resolution, box_side)
    vertices, faces = closed_surface(grid, level, box_side)
    if base is not None:
        vertices = flatten_cut(vertices, base, cell)
    if settings.smooth:
        vertices = smoothed(vertices, faces, settings.smooth, base)
    if settings.most_faces is not None:
        vertices, faces = decimated(vertices, faces, settings.most_faces)
        if base is not None:
            vertices = flatten_base(vertices, faces, base, cell)
    return vertices, faces, base


def _coloured(vertices: np.ndarray, faces: np.ndarray, paint: Paint, progress: Progress) -> Surface:
    """The surface with the colours of its vertices."""
    normals = vertex_normals(vertices, faces)
    seen = paint.seen(normals)
    # Where nothing is well seen nothing can be continued, and every colour counts.
    wanted = seen if (seen == 1).any() else np.ones_like(seen)
    colours = continue_colours(paint.colours(vertices, normals, wanted, progress), faces, seen)
    return Surface(vertices, faces, normals, colours)


def _scale(vertices: np.ndarray, settings: MeshSettings) -> float:
    """What box units are multiplied with."""
    if settings.height_cm is not None:
        return settings.height_cm / 100 / float(np.ptp(vertices[:, 1]))
    return settings.metres_per_unit if settings.in_metres else 1.0


def _density(field: PointField, settings: MeshSettings, level: float, progress: Progress) -> np.ndarray:
    """The whole volume where it is to be written, else only what the surface needs."""
    margin = settings.margin_in(field.box_side)
    if "mrc" in settings.files:
        return density_everywhere(field, settings.resolution, margin, progress)
    return density_near_surface(field, settings.resolution, level, margin, progress)
