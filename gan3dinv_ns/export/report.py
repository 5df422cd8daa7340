"""What a mesh is like: figures for the console and for `mesh.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gan3dinv_ns.export.base import base_area
from gan3dinv_ns.export.mesh import Mesh
from gan3dinv_ns.export.surface import connected_parts, tetrahedron_volumes

_LEAST_BASE = 0.02
"""A base is at least this part of the rectangle around the mesh seen from above."""


@dataclass(frozen=True)
class MeshReport:
    """Figures of a mesh.

    Attributes:
        vertices: number of vertices.
        faces: number of faces.
        watertight: every edge belongs to exactly two faces that run along it in opposite directions.
        manifold: it is watertight, and the faces around each vertex form one fan.
        bodies: number of connected surfaces.
        euler_number: V - E + F; 2 for a ball, 2 less for each tunnel.
        volume_litres: enclosed volume.
        base_area_cm2: area of the faces in the lowest horizontal plane; 0 if the mesh stands on a point.
        size_cm: extent along x, y, z.
        unit: unit of the coordinates in the files, "box" or "m".
        metres_per_length: metres that one of those units stands for.
        density_level: raw density on the surface.
    """

    vertices: int
    faces: int
    watertight: bool
    manifold: bool
    bodies: int
    euler_number: int
    volume_litres: float
    base_area_cm2: float
    size_cm: tuple[float, float, float]
    unit: str
    metres_per_length: float
    density_level: float

    @property
    def printable(self) -> bool:
        """Whether it is one solid that stands on a flat base."""
        x, _, z = self.size_cm
        stands = self.base_area_cm2 > _LEAST_BASE * x * z
        return self.manifold and self.bodies == 1 and self.volume_litres > 0 and stands

    def as_dict(self) -> dict[str, Any]:
        """The figures under their names, ready for JSON."""
        return asdict(self) | {"printable": self.printable}


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
        manifold=watertight and _fans(mesh.faces) == len(mesh.vertices),
        bodies=_bodies(mesh.faces),
        euler_number=len(mesh.vertices) - edges + len(mesh.faces),
        volume_litres=round(volume * 1000, 4),
        base_area_cm2=round(base_area(mesh.vertices, mesh.faces) * (scale * 100) ** 2, 2),
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


def _bodies(faces: np.ndarray) -> int:
    """Number of connected surfaces."""
    used, renumbered = np.unique(faces, return_inverse=True)
    corners = renumbered.reshape(-1, 3)
    edges = np.concatenate([corners[:, :2], corners[:, 1:]])
    return connected_parts(edges[:, 0], edges[:, 1], len(used))[0]


def _fans(faces: np.ndarray) -> int:
    """Number of fans that the faces form around all vertices: one for each vertex if no two sheets touch in one.

    Corner 3 f + k is that of face f at its k-th vertex. Over the edge from a to b the corners of both faces at a
    belong to one fan, and so do those at b.
    """
    a = faces.astype(np.int64).ravel()
    b = np.roll(faces, -1, axis=1).astype(np.int64).ravel()
    at_start = np.arange(len(a))
    at_end = at_start - at_start % 3 + (at_start + 1) % 3
    count = int(a.max()) + 1
    forward, backward = np.argsort(a * count + b), np.argsort(b * count + a)
    # The k-th edge from a to b is that edge from b to a of the face on the other side.
    start = np.concatenate([at_start[forward], at_end[forward]])
    end = np.concatenate([at_end[backward], at_start[backward]])
    return connected_parts(start, end, len(a))[0]
