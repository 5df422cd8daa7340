"""The level is measured where a ray loses half of its light."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gan3dinv_ns.export.level import surface_level
from gan3dinv_ns.export.mesh import mesh_from_field
from gan3dinv_ns.export.report import report_of
from gan3dinv_ns.export.settings import MeshSettings


@pytest.mark.parametrize("steepness", [500.0, 5000.0])
def test_level_is_the_density_at_half_light(make_field, steepness):
    """Density s * d at depth d inside a wall: the optical depth s d^2 / 2 is ln 2 at the density sqrt(2 s ln 2)."""
    wall = make_field(lambda p: 1 + steepness * (0.1 - p[:, 2]))
    frontal = 1 + math.sqrt(2 * steepness * math.log(2))
    level = surface_level(wall)
    # Seen at an angle the density grows more slowly along the ray.
    assert math.sqrt(math.cos(0.4)) * (frontal - 1) + 1 - 2 < level < frontal + 2


def test_soft_parts_belong_to_the_surface(make_field, ball):
    """Ears that let no light through but are never as dense as the face is where it stops the light."""

    def with_ears(points):
        face = 1 + 100 * (ball(points, (0, 0, 0), 0.2) - 10)
        ears = torch.maximum(ball(points, (-0.25, 0, 0), 0.15), ball(points, (0.25, 0, 0), 0.15)) - 10
        return torch.maximum(face, (10 * ears).clamp_max(20))

    level = surface_level(make_field(with_ears))
    assert 1 < level < 20


def test_mesh_of_a_solid_ball_has_its_size_without_a_level(make_field, ball):
    field = make_field(lambda p: 100 * (ball(p, (0, 0, 0), 0.3) - 10))
    mesh, _ = mesh_from_field(field, MeshSettings(resolution=48))
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.3, atol=0.01)
    assert report_of(mesh).density_level == pytest.approx(mesh.density_level, abs=1e-3)


def test_a_transparent_box_is_told(make_field):
    with pytest.raises(ValueError, match="nearly transparent"):
        surface_level(make_field(lambda p: torch.full((len(p),), -20.0)))


def test_what_lies_outside_the_box_does_not_count(make_field):
    def wall_at_the_side(points):
        assert float(points.abs().max()) <= 0.5
        return torch.where(points[:, 2] < 0, 80.0, -50.0)

    assert surface_level(make_field(wall_at_the_side)) > 10
