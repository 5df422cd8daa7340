from __future__ import annotations

import math

import pytest
import torch
from nerfstudio.cameras.rays import Frustums, RaySamples
from nerfstudio.field_components.field_heads import FieldHeadNames

from gan3dinv_ns.cameras.conventions import points_to_nerfstudio
from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.gan3dinv_field import FAR_DEPTH, GAN3DInvField, box_limits


@pytest.fixture(scope="module")
def generator(tiny_generator_file):
    generator = load_generator(tiny_generator_file)
    generator.set_rendering(depth_resolution=48, depth_resolution_importance=48)
    return generator


@pytest.fixture
def field(generator):
    field = GAN3DInvField(generator)
    with torch.no_grad():
        field.set_planes(generator.planes(torch.randn(1, generator.num_ws, 512)))
    return field


class _Ball:
    """Stands for the decoder: density falls with the distance from the origin, whatever the features."""

    def __init__(self, field: GAN3DInvField) -> None:
        field.decode = self
        self.radius = 0.3

    def __call__(self, points):
        sigma = 4000.0 * (self.radius - points.norm(dim=-1, keepdim=True))
        return points.clamp(0, 1), sigma


def test_box_limits_are_where_the_ray_meets_the_cube():
    origins = torch.tensor([[0.0, 0.0, 2.7], [0.0, 5.0, 2.7], [0.0, 0.0, 0.0]])
    directions = torch.tensor([[0.0, 0.0, -1.0]]).expand(3, 3)
    near, far = box_limits(origins, directions, 1.0)
    assert torch.allclose(torch.cat([near, far], dim=1)[0], torch.tensor([2.2, 3.2]))
    assert far[1] < near[1]
    assert torch.allclose(torch.cat([near, far], dim=1)[2], torch.tensor([0.01, 0.5]))


@torch.no_grad()
def test_rays_see_a_ball_where_it_is(field):
    ball = _Ball(field)
    origins = torch.tensor([[0.0, 0.1, 2.7], [0.0, 0.45, 2.7]])
    seen = field.march(origins, torch.tensor([[0.0, 0.0, -1.0]]).expand(2, 3))
    depth = 2.7 - math.sqrt(ball.radius**2 - 0.1**2)
    assert float(seen.depth[0]) == pytest.approx(depth, abs=0.03) and float(seen.opacity[0]) > 0.99
    assert float(seen.depth[1]) == FAR_DEPTH and float(seen.opacity[1]) < 1e-3
    assert torch.equal(seen.colours[1], torch.ones(3))


@torch.no_grad()
def test_given_limits_are_respected(field):
    _Ball(field)
    origins, directions = torch.tensor([[0.0, 0.0, 2.7]]), torch.tensor([[0.0, 0.0, -1.0]])
    before = field.march(origins, directions, torch.tensor([[0.5]]), torch.tensor([[2.0]]))
    behind = field.march(origins, directions, torch.tensor([[2.6]]), torch.tensor([[2.8]]))
    assert float(before.opacity) < 1e-3 and 2.6 <= float(behind.depth) <= 2.75


@torch.no_grad()
def test_normals_point_outwards(field):
    _Ball(field)
    points = torch.nn.functional.normalize(torch.randn(50, 3), dim=1) * 0.3
    assert torch.allclose(field.normals(points), points / 0.3, atol=0.02)


@torch.no_grad()
def test_field_agrees_with_the_generator(field, generator):
    points = torch.rand(20, 3) - 0.5
    positions = points_to_nerfstudio(points)
    zeros = torch.zeros(20, 1)
    samples = RaySamples(frustums=Frustums(positions, torch.zeros(20, 3), zeros, zeros, zeros))
    density, colours = field.get_density(samples)
    reference = generator.sample_planes(field._planes, points[None])
    assert torch.allclose(density, torch.nn.functional.softplus(reference["sigma"][0] - 1), atol=1e-5)
    assert torch.allclose(colours, reference["rgb"][0, :, :3].clamp(0, 1), atol=1e-5)
    assert torch.equal(field.get_outputs(samples, colours)[FieldHeadNames.RGB], colours)


def test_generator_is_no_part_of_the_field(field):
    assert not list(field.parameters()) and not field.state_dict()
