"""A few gaussians before a camera, and a coloured ball whose views are known exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix, pixel_centres, ray_directions
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.export.mesh import Mesh
from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.targets import Views

RADIUS = 0.25


@pytest.fixture
def make_gaussians() -> Callable[..., Gaussians]:
    """Random gaussians in float64 around the origin."""

    def make(count: int, size: float = 0.02, spread: float = 0.15, seed: int = 0) -> Gaussians:
        random = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=random, dtype=torch.float64)

        return Gaussians(
            means=normal(count, 3) * spread,
            log_scales=np.log(size) + 0.5 * normal(count, 3),
            quaternions=normal(count, 4),
            opacity_logits=normal(count),
            colours=torch.rand(count, 3, generator=random, dtype=torch.float64),
        )

    return make


@pytest.fixture
def label_at() -> Callable[..., Tensor]:
    """Camera labels [N, 25] in float64 on the usual sphere."""

    def at(*yaws: float, pitch: float = 0.1) -> Tensor:
        yaw = torch.tensor(yaws, dtype=torch.float64)
        return camera_label(orbit(yaw, torch.full_like(yaw, pitch)), intrinsics_matrix())

    return at


def ball_colours(points: Tensor) -> Tensor:
    """Red to the right, green upwards, blue towards the face; in [0, 1]."""
    return points / RADIUS / 2 + 0.5


@pytest.fixture
def ball_mesh() -> Mesh:
    """A grey ball."""
    shape = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    colours = np.full((len(shape.vertices), 3), 128, dtype=np.uint8)
    vertices, faces = np.asarray(shape.vertices, dtype=np.float32), np.asarray(shape.faces, dtype=np.int32)
    return Mesh(vertices, faces, colours, 0.42, "box", 10.0)


@pytest.fixture
def ball_views(label_at: Callable[..., Tensor]) -> Callable[..., Views]:
    """Views of the coloured ball before white, by ray casting."""

    def views(*yaws: float, resolution: int = 32) -> Views:
        labels = label_at(*yaws).float()
        camera_to_world, intrinsics = split_label(labels)
        directions = ray_directions(intrinsics, pixel_centres(resolution, resolution, labels))
        directions = torch.einsum("nij,nhwj->nhwi", camera_to_world[:, :3, :3], directions)
        origin = camera_to_world[:, None, None, :3, 3]
        along = -(directions * origin).sum(-1, keepdim=True)
        inner = RADIUS**2 - (origin.square().sum(-1, keepdim=True) - along**2)
        hit = origin + (along - inner.clamp_min(0).sqrt()) * directions
        pictures = torch.where(inner > 0, ball_colours(hit), torch.ones_like(hit)).movedim(-1, 1)
        distances = (along - inner.clamp_min(0).sqrt()).movedim(-1, 1)
        return Views(labels, pictures, (inner > 0).float().movedim(-1, 1), distances)

    return views
