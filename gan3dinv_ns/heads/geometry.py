"""From attributes to meshes in box units.

The box: 1 unit is 4.2 decimetres; the origin lies 1.25 dm below the top of the bare head, in the plane of
symmetry, 0.3 dm before MakeHuman's vertical axis (which runs through the neck); the face looks along +z, y up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan3dinv_ns.heads.attributes import HeadAttributes
from gan3dinv_ns.heads.normals import vertex_normals
from gan3dinv_ns.heads.parts import Part, follow
from gan3dinv_ns.heads.template import HeadTemplate

UNIT_DM = 4.2
BELOW_TOP_DM = 1.25
FORWARD_DM = 0.3

SKIN, MOUTH, EYES, HAIR, THING = range(5)
"""Materials, one for each triangle; things are worn (glasses, hats), by no head of the training data."""

ROUNDNESS = {"afro01": 0.85}
"""How much hair is lit like the hull around the head instead of like its own sheets, where not 0.4."""


@dataclass(frozen=True)
class HeadGeometry:
    """All surfaces of one head as one mesh.

    Attributes:
        vertices: [n, 3] box units.
        triangles: [F, 3] and ``materials`` [F] (``SKIN``, ``MOUTH``, ``EYES``, ``HAIR`` or ``THING``).
        normals: [n, 3] smooth, outward.
        rest: [n, 3] the same points on the undeformed body, decimetres (zero for things).
        uvs: [n, 2] texture coordinates (hair and eyes).
        openness: [n] share of the sky seen.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    normals: np.ndarray
    rest: np.ndarray
    uvs: np.ndarray
    openness: np.ndarray


def target_weights(attributes: HeadAttributes) -> np.ndarray:
    """Weights [T] of ``HeadTemplate.moves``; signed attributes go to their negative or positive target."""
    signed = np.concatenate([attributes.face, attributes.expression])
    pairs = np.stack([np.maximum(-signed, 0), np.maximum(signed, 0)], axis=-1)
    return np.concatenate([attributes.macro_weights(), pairs.ravel()])


def build_geometry(template: HeadTemplate, attributes: HeadAttributes) -> HeadGeometry:
    """The meshes of a head."""
    weights = target_weights(attributes).astype(np.float32)
    body = template.rest + (weights @ template.moves.reshape(len(weights), -1)).reshape(-1, 3)
    surfaces = [_body_surface(template, body), _part_surface(template.parts["eyes"], body, EYES, roundness=0.0)]
    style = attributes.hair_style
    if style in template.parts:
        surfaces.append(_part_surface(template.parts[style], body, HAIR, ROUNDNESS.get(style, 0.4)))
    starts = np.cumsum([0] + [len(surface.vertices) for surface in surfaces])
    top = body[np.unique(template.skin), 1].max()
    origin = np.array([0.0, top - BELOW_TOP_DM, FORWARD_DM], np.float32)
    joined = {name: np.concatenate([getattr(s, name) for s in surfaces]) for name in vars(surfaces[0])}
    joined["triangles"] = np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=False)])
    joined["vertices"] = ((joined["vertices"] - origin) / UNIT_DM).astype(np.float32)
    return HeadGeometry(**joined)


def _body_surface(template: HeadTemplate, body: np.ndarray) -> HeadGeometry:
    triangles = np.concatenate([template.skin, template.mouth])
    materials = np.repeat([SKIN, MOUTH], [len(template.skin), len(template.mouth)]).astype(np.int8)
    uvs = np.zeros((len(body), 2), np.float32)
    normals = vertex_normals(body, triangles)
    return HeadGeometry(body, triangles, materials, normals, template.rest, uvs, template.openness)


def _part_surface(part: Part, body: np.ndarray, material: int, roundness: float) -> HeadGeometry:
    """``roundness``: share of the direction away from the head in the normals of a surface without thickness."""
    vertices = follow(part, body).astype(np.float32)
    normals = _welded_normals(part, vertices)
    if roundness > 0:
        centre = body[part.references].mean(axis=(0, 1)) - np.array([0, 0.3, 0])
        away = _unit(vertices - centre)
        side = np.sign(np.einsum("nc,nc->n", normals, away))[:, None]
        normals = _unit((1 - roundness) * side * normals + roundness * away)
    openness = part.openness + (1 - part.openness) * max(0.0, 2 * roundness - 1)
    materials = np.full(len(part.triangles), material, np.int8)
    return HeadGeometry(vertices, part.triangles, materials, normals.astype(np.float32), part.rest, part.uvs, openness)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def _welded_normals(part: Part, vertices: np.ndarray) -> np.ndarray:
    welded = np.zeros((part.weld.max() + 1, 3), np.float32)
    welded[part.weld] = vertices
    return vertex_normals(welded, part.weld[part.triangles])[part.weld]
