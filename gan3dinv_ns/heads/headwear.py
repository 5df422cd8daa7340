"""Glasses and hats for a head, as meshes fitted to the deformed body.

Everything hangs on landmarks: places on the undeformed body (decimetres), of which the nearest vertex of the skin is
looked up once more on the deformed one. Heads are symmetric about x = 0. Lengths are decimetres in the geometry's
frame until a mesh is joined to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gan3dinv_ns.heads.geometry import EYES, HAIR, SKIN, THING, UNIT_DM, HeadGeometry
from gan3dinv_ns.heads.normals import vertex_normals
from gan3dinv_ns.heads.template import HeadTemplate

FOREHEAD = (0.0, 7.95, 1.45)
NAPE = (0.0, 7.50, -0.39)
EAR_TOP = (0.76, 7.40, 0.62)

_CLEARANCE = 0.05
_WRAP = 0.22
"""Glasses bend backwards by this times x squared."""
_DOME_POWER = 2.5
"""|x/a|^p + |y/b|^p + |z/c|^p = 1: a little fuller than an ellipsoid."""
_HAIR_SHARE = 0.96
"""Hair under a hat is pressed to this share of its radius."""
_EDGE_SHARE = 0.99
"""Hair that comes out from under a hat starts at this share of the dome's radius."""
_BELOW_BRIM = 0.10
"""Hair beside a hat is kept this far below the brim."""

Mesh = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class GlassesShape:
    """Sizes in decimetres.

    Attributes:
        half_width, half_height: of one rim.
        squareness: 2 is an ellipse, larger is a rounded rectangle.
        radius: of the tube.
    """

    half_width: float
    half_height: float
    squareness: float
    radius: float


@dataclass(frozen=True)
class HatShape:
    """Sizes in decimetres.

    Attributes:
        side_brim, front_brim: width of the brim beside (and behind) the head, and before it.
        rise: how far the top stands above the skull.
    """

    side_brim: float
    front_brim: float
    rise: float


def landmark(template: HeadTemplate, geometry: HeadGeometry, place: tuple[float, float, float]) -> np.ndarray:
    """Where the skin at ``place`` [3] of the undeformed body lies on this head; [3] decimetres."""
    skin = np.unique(template.skin)
    nearest = skin[np.square(template.rest[skin] - np.array(place)).sum(axis=1).argmin()]
    return geometry.vertices[nearest].astype(np.float64) * UNIT_DM


def with_glasses(template: HeadTemplate, geometry: HeadGeometry, shape: GlassesShape) -> HeadGeometry:
    """The head with two rims around its eyes, a bridge, and temples over its ears."""
    eye = _right_eye(geometry)
    ear = landmark(template, geometry, EAR_TOP)
    centre = np.array([max(eye[0], shape.half_width + 0.075), eye[1] - 0.02])
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    rim = centre + np.stack(
        [
            shape.half_width * _signed_power(np.cos(turn), 2 / shape.squareness),
            shape.half_height * _signed_power(np.sin(turn), 2 / shape.squareness),
        ],
        axis=-1,
    )
    front = _clear_depth(geometry, rim) + shape.radius
    inner, outer = centre[0] - shape.half_width, centre[0] + shape.half_width
    across = np.linspace(-inner, inner, 9)
    arch = centre[1] + 0.25 * shape.half_height + 0.05 * (1 - (across / inner) ** 2)
    hinge = np.array([outer, centre[1] + 0.3 * shape.half_height, _bent(front, outer)])
    bow = np.array([ear[0] + 0.03, min(ear[1] + 0.05, hinge[1] + 0.10), ear[2]])
    knee = np.array([max(bow[0], hinge[0]) + 0.02, hinge[1], hinge[2] - 0.12])
    tip = bow + np.array([0.0, -0.18, -0.28])
    temple = np.concatenate([np.linspace(hinge, knee, 3), np.linspace(knee, bow, 9)[1:], [tip]])
    right = [
        _tube(_on_front(rim, front), shape.radius, np.array([0.0, 0, 1]), closed=True),
        _tube(temple, shape.radius, np.array([0.0, 1, 0])),
    ]
    bridge = _tube(_on_front(np.stack([across, arch], -1), front), shape.radius, np.array([0.0, 0, 1]))
    return wear(geometry, _joined([*right, *(_mirrored(mesh) for mesh in right), bridge]))


def with_hat(template: HeadTemplate, geometry: HeadGeometry, shape: HatShape) -> HeadGeometry:
    """The head with a crown over its skull and a brim around it; the hair above the brim is pressed under it."""
    forehead, nape = (landmark(template, geometry, place) for place in (FOREHEAD, NAPE))
    forward = (forehead - nape) / np.linalg.norm(forehead - nape)
    axes = np.stack([np.array([1.0, 0, 0]), np.cross(forward, (1.0, 0, 0)), forward])
    origin = (forehead + nape) / 2
    local = (geometry.vertices * UNIT_DM - origin) @ axes.T
    skull = local[_vertices_of(geometry, SKIN)]
    sizes = _dome_sizes(skull[skull[:, 1] > 0], shape.rise)
    mesh = _hat_mesh(sizes, shape)
    hair = geometry.triangles[geometry.materials == HAIR]
    moved = np.unique(hair)
    vertices = geometry.vertices.copy()
    vertices[moved] = (_press_hair(local, hair, sizes)[moved] @ axes + origin) / UNIT_DM
    return wear(replace(geometry, vertices=vertices), (mesh[0] @ axes + origin, mesh[1]))


def wear(geometry: HeadGeometry, mesh: Mesh) -> HeadGeometry:
    """The head with one more mesh of the material ``THING``: vertices in decimetres, triangles that face outward."""
    vertices, triangles = (mesh[0] / UNIT_DM).astype(np.float32), mesh[1].astype(np.int32)
    count, start = len(vertices), len(geometry.vertices)
    return HeadGeometry(
        np.concatenate([geometry.vertices, vertices]),
        np.concatenate([geometry.triangles, triangles + start]),
        np.concatenate([geometry.materials, np.full(len(triangles), THING, np.int8)]),
        np.concatenate([geometry.normals, vertex_normals(vertices, triangles)]),
        np.concatenate([geometry.rest, np.zeros((count, 3), np.float32)]),
        np.concatenate([geometry.uvs, np.zeros((count, 2), np.float32)]),
        np.concatenate([geometry.openness, np.ones(count, np.float32)]),
    )


def _vertices_of(geometry: HeadGeometry, material: int) -> np.ndarray:
    return np.unique(geometry.triangles[geometry.materials == material])


def _right_eye(geometry: HeadGeometry) -> np.ndarray:
    """Centre [3] of the eye ball at positive x."""
    eyes = geometry.vertices[_vertices_of(geometry, EYES)] * UNIT_DM
    eyes = eyes[eyes[:, 0] > 0]
    return (eyes.min(axis=0) + eyes.max(axis=0)) / 2


def _clear_depth(geometry: HeadGeometry, rim: np.ndarray) -> float:
    """z of the glasses' middle so that they stand before the skin all along the rim [n, 2]."""
    skin = geometry.vertices[_vertices_of(geometry, SKIN)] * UNIT_DM
    face = skin[skin[:, 2] > 0]
    distance = np.square(rim[:, None] - face[None, :, :2]).sum(axis=-1)
    below = np.where(distance < 0.05**2, face[None, :, 2], -np.inf).max(axis=1)
    below = np.maximum(below, face[distance.argmin(axis=1), 2])
    return float((below + _WRAP * rim[:, 0] ** 2).max()) + _CLEARANCE


def _bent(front: float, x: float | np.ndarray) -> float | np.ndarray:
    return front - _WRAP * x**2


def _on_front(path: np.ndarray, front: float) -> np.ndarray:
    """A path [n, 2] laid on the bent front of the glasses, [n, 3]."""
    return np.concatenate([path, np.asarray(_bent(front, path[:, 0]))[:, None]], axis=1)


def _tube(path: np.ndarray, radius: float, up: np.ndarray, closed: bool = False, sides: int = 10) -> Mesh:
    """A tube around a path [n, 3]; ``up`` is nowhere along it. Open ends are closed by a cone."""
    along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    first = up - (along @ up)[:, None] * along
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    rings = path[:, None] + radius * (np.cos(turn) * first[:, None] + np.sin(turn) * second[:, None])
    if closed:
        return rings.reshape(-1, 3), _lattice(len(path), sides, wrap_rows=True)
    ends = np.repeat(path[[0, -1]][:, None], sides, axis=1)
    rings = np.concatenate([ends[:1], rings, ends[1:]])
    return rings.reshape(-1, 3), _lattice(len(rings), sides)


def _lattice(rows: int, columns: int, wrap_rows: bool = False) -> np.ndarray:
    """Triangles [F, 3] of a lattice of vertices whose columns, and maybe rows, are closed to a ring."""
    row, column = np.meshgrid(np.arange(rows if wrap_rows else rows - 1), np.arange(columns), indexing="ij")
    below, beside = (row + 1) % rows, (column + 1) % columns
    a, b = row * columns + column, row * columns + beside
    c, d = below * columns + column, below * columns + beside
    return np.stack([a, b, c, b, d, c], axis=-1).reshape(-1, 3)


def _joined(meshes: list[Mesh]) -> Mesh:
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in meshes])
    triangles = [mesh[1] + start for mesh, start in zip(meshes, starts, strict=False)]
    return np.concatenate([mesh[0] for mesh in meshes]), np.concatenate(triangles)


def _mirrored(mesh: Mesh) -> Mesh:
    return mesh[0] * np.array([-1.0, 1, 1]), mesh[1][:, ::-1]


def _signed_power(x: np.ndarray, power: float) -> np.ndarray:
    return np.sign(x) * np.abs(x) ** power


def _dome_norm(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """1 on the dome, less inside; points [n, 3] in the hat's frame (x right, y up, z forward)."""
    return (np.abs(points / sizes) ** _DOME_POWER).sum(axis=1) ** (1 / _DOME_POWER)


def _dome_sizes(skull: np.ndarray, rise: float) -> np.ndarray:
    """Half axes [3] of a dome that holds all of the skull [n, 3]."""
    sizes = np.abs(skull).max(axis=0) * np.array([1.0, 1.0, 0.97])
    sizes = sizes * _dome_norm(skull, sizes).max() + 0.04
    return sizes + np.array([0.0, rise, 0.0])


def _hat_mesh(sizes: np.ndarray, shape: HatShape, sides: int = 64) -> Mesh:
    """Crown from the top down, then the brim out and back in on its lower side."""
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ahead = np.clip(np.cos(turn), 0, 1) ** 2
    width = shape.side_brim + (shape.front_brim - shape.side_brim) * ahead
    around = np.stack([_signed_power(np.sin(turn), 2 / _DOME_POWER), _signed_power(np.cos(turn), 2 / _DOME_POWER)], -1)
    outward = np.stack([np.sin(turn), np.cos(turn)], axis=-1)
    rows = []
    for height in np.linspace(np.pi / 2, 0, 16):
        ring = np.cos(height) ** (2 / _DOME_POWER) * around * sizes[[0, 2]]
        rows.append((ring, np.full(sides, np.sin(height) ** (2 / _DOME_POWER) * sizes[1])))
    edge = around * sizes[[0, 2]]
    for share, drop in ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 0.035), (0.5, 0.035), (0.0, 0.035)):
        ring = edge + share * width[:, None] * outward
        rows.append((ring, -0.25 * (share * width) ** 2 - drop))
    vertices = np.stack([np.stack([ring[:, 0], height, ring[:, 1]], axis=-1) for ring, height in rows])
    return vertices.reshape(-1, 3), _lattice(len(rows), sides)[:, ::-1]


def _press_hair(local: np.ndarray, triangles: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """All vertices [n, 3], those of the hair's triangles [F, 3] above the brim moved inside the dome.

    A triangle that crosses the brim would show on top of it: its upper vertices go to the foot of the dome.
    """
    hair = np.unique(triangles)
    above = local[:, 1] > 0
    hanging = np.unique(triangles[~above[triangles].all(axis=1)])
    pressed = local.copy()
    hidden = hair[above[hair]]
    pressed[hidden] *= np.minimum(1, _HAIR_SHARE / np.maximum(_dome_norm(local[hidden], sizes), 1e-6))[:, None]
    lowered = hanging[~above[hanging]]
    pressed[lowered, 1] = np.minimum(pressed[lowered, 1], -_BELOW_BRIM)
    edge = hanging[above[hanging]]
    flat = local[edge] * np.array([1, 0, 1])
    pressed[edge] = flat * (_EDGE_SHARE / np.maximum(_dome_norm(flat, sizes), 1e-6))[:, None] - np.array([0, 0.02, 0])
    return pressed
