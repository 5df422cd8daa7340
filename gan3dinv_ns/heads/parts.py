"""Parts that follow the body: eyes and hair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan3dinv_ns.heads.makehuman import parse_mhclo, parse_obj

FRINGE_STYLES = ("bob02", "short03")
"""Styles whose meshes are meant to be half transparent over one eye; they are cut to a fringe."""


@dataclass(frozen=True)
class Part:
    """A mesh that follows the body.

    Attributes:
        references: [n, k] vertices of the template, ``weights`` [n, k] of each.
        offsets: [n, 3] decimetres, scaled per axis.
        scale_vertices: [3, 2] and ``scale_divisors`` [3]: see :class:`makehuman.Fitting`.
        triangles: [F, 3].
        weld: [n] the same number for vertices at the same place (they differ in texture coordinates only).
        uvs: [n, 2] texture coordinates.
        rest: [n, 3] places on the undeformed body.
        openness: [n] share of the sky that a vertex sees, 0 to 1.
    """

    references: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    scale_vertices: np.ndarray
    scale_divisors: np.ndarray
    triangles: np.ndarray
    weld: np.ndarray
    uvs: np.ndarray
    rest: np.ndarray
    openness: np.ndarray


def fit_part(name: str, obj: str, mhclo: str, rest: np.ndarray) -> Part:
    """A part with vertices split where texture coordinates differ, on the undeformed body."""
    mesh, fitting = parse_obj(obj), parse_mhclo(mhclo)
    corners = np.concatenate([np.stack(group, -1) for group in mesh.groups.values()]).reshape(-1, 2)
    if corners[:, 0].max() >= len(fitting.references):
        raise ValueError(f"{name}.mhclo fits {len(fitting.references)} vertices, fewer than {name}.obj has")
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    weld = unique[:, 0]
    uvs = mesh.uvs if len(mesh.uvs) else np.zeros((1, 2), np.float32)
    part = Part(
        fitting.references[weld], fitting.weights[weld], fitting.offsets[weld],
        fitting.scale_vertices, fitting.scale_divisors, inverse.reshape(-1, 3).astype(np.int32),
        weld.astype(np.int32), uvs[unique[:, 1]], np.zeros((len(weld), 3), np.float32), np.ones(len(weld), np.float32),
    )  # fmt: skip
    part.rest[:] = follow(part, rest)
    return cut_fringe(part) if name in FRINGE_STYLES else part


def follow(part: Part, body: np.ndarray) -> np.ndarray:
    """Places [n, 3] of the part's vertices on a body [m, 3] (decimetres)."""
    axes = np.arange(3)
    first, second = part.scale_vertices.T
    scale = np.abs(body[first, axes] - body[second, axes]) / part.scale_divisors
    return np.einsum("nk,nkc->nc", part.weights, body[part.references]) + part.offsets * scale


def cut_fringe(part: Part) -> Part:
    """Cut away the hair before the face, below a fringe, along a straight line through its triangles."""
    x, y, z = part.rest.T
    keep = np.maximum(np.maximum(y - 7.60 + 0.25 * x**2, np.abs(x) - 0.62), 0.7 - z)
    inside = keep[part.triangles] > 0
    whole = part.triangles[inside.all(axis=1)]
    edges: dict[tuple[int, int], int] = {}
    pieces: list[list[int]] = []
    for triangle, flags in zip(part.triangles.tolist(), inside.tolist(), strict=True):
        if any(flags) and not all(flags):
            pieces.extend(_clip_triangle(triangle, flags, edges, len(part.rest)))
    ends = np.array(list(edges), np.int64).reshape(-1, 2)
    share = (keep[ends[:, 0]] / (keep[ends[:, 0]] - keep[ends[:, 1]]))[:, None].astype(np.float32)
    triangles = np.concatenate([whole, np.array(pieces, np.int32).reshape(-1, 3)])
    return _with_vertices_between(part, ends, share, triangles)


def _clip_triangle(
    triangle: list[int], flags: list[bool], edges: dict[tuple[int, int], int], count: int
) -> list[list[int]]:
    polygon = []
    for i in range(3):
        a, b = triangle[i], triangle[(i + 1) % 3]
        if flags[i]:
            polygon.append(a)
        if flags[i] != flags[(i + 1) % 3]:
            polygon.append(edges.setdefault((min(a, b), max(a, b)), count + len(edges)))
    return [[polygon[0], polygon[i], polygon[i + 1]] for i in range(1, len(polygon) - 1)]


def _with_vertices_between(part: Part, ends: np.ndarray, share: np.ndarray, triangles: np.ndarray) -> Part:
    """The part with new vertices at ``(1 - share) a + share b`` and other triangles."""
    a, b = ends.T
    between = {
        name: np.concatenate([array, array[a] * (1 - share) + array[b] * share])
        for name, array in (("offsets", part.offsets), ("uvs", part.uvs), ("rest", part.rest))
    }
    padding = np.zeros_like(part.weights)
    weights = np.concatenate([part.weights * np.float32(1), padding], axis=1)
    references = np.concatenate([part.references, part.references], axis=1)
    new_weights = np.concatenate([part.weights[a] * (1 - share), part.weights[b] * share], axis=1)
    new_references = np.concatenate([part.references[a], part.references[b]], axis=1)
    return Part(
        np.concatenate([references, new_references]), np.concatenate([weights, new_weights]),
        between["offsets"], part.scale_vertices, part.scale_divisors, triangles.astype(np.int32),
        np.concatenate([part.weld, part.weld.max() + 1 + np.arange(len(ends), dtype=np.int32)]),
        between["uvs"], between["rest"], np.ones(len(between["rest"]), np.float32),
    )  # fmt: skip
