"""The first gaussians: flat discs on the head's surface."""

from __future__ import annotations

import numpy as np
import torch
import trimesh
from torch import Tensor

from gan3dinv_ns.cameras.rotations import quaternion_from_matrix
from gan3dinv_ns.export.mesh import Mesh
from gan3dinv_ns.export.splats.gaussians import Gaussians

_OPACITY = 0.9
_FLATNESS = 0.2
"""Thickness of a disc along the normal, as a part of its radius."""
_RADIUS = 0.8
"""Standard deviation of a disc, as a part of the distance to its neighbours."""


def gaussians_on_surface(mesh: Mesh, count: int, seed: int = 0) -> Gaussians:
    """Spreads gaussians evenly over a surface.

    Args:
        mesh: closed, in box units.
        count: how many at most; about so many are placed.
        seed: of the places.

    Returns:
        discs in the surface's tangent planes, in its colours, that nearly close it; on the CPU.
    """
    surface = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    points, face = trimesh.sample.sample_surface_even(surface, count, seed=seed)
    corners = mesh.faces[face]
    weights = trimesh.triangles.points_to_barycentric(surface.triangles[face], points)
    normals = (weights[..., None] * surface.vertex_normals[corners]).sum(1)
    colours = (weights[..., None] * mesh.colours[corners]).sum(1) / 255
    radius = _RADIUS * np.sqrt(surface.area / len(points))
    scales = torch.tensor([radius, radius, radius * _FLATNESS], dtype=torch.float32)
    logit = torch.logit(torch.tensor(_OPACITY))
    return Gaussians(
        means=torch.from_numpy(np.asarray(points, dtype=np.float32)),
        log_scales=scales.log().expand(len(points), 3).clone(),
        quaternions=turned_to(torch.from_numpy(normals.astype(np.float32))),
        opacity_logits=logit.expand(len(points)).clone(),
        colours=torch.from_numpy(colours.astype(np.float32)),
    )


def turned_to(normals: Tensor) -> Tensor:
    """Quaternions [N, 4] of rotations that take the z axis to normals [N, 3] of any length."""
    third = torch.nn.functional.normalize(normals, dim=1)
    # The world's axis that is farthest from the normal.
    helper = torch.nn.functional.one_hot(third.abs().argmin(dim=1), 3).to(third)
    first = torch.nn.functional.normalize(torch.linalg.cross(helper, third), dim=1)
    return quaternion_from_matrix(torch.stack([first, torch.linalg.cross(third, first), third], dim=2))
