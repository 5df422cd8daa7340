"""Colours looked up in images, on a generator that shows a ball with coloured sides."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.intrinsics import pixel_centres, ray_directions
from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.export.head import Head, frontal_labels, sample_head
from gan3dinv_ns.export.mesh import mesh_from_head
from gan3dinv_ns.export.report import report_of
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.views import view_colours, views_of

RADIUS = 0.25


def colours_of(points: torch.Tensor) -> torch.Tensor:
    """Red to the right, green upwards, blue towards the face; in [0, 1]."""
    return points / RADIUS / 2 + 0.5


class BallGenerator(torch.nn.Module):
    """A ball: exact images by ray casting, a grey field with the ball's density."""

    def __init__(self) -> None:
        super().__init__()
        self.rendering = SimpleNamespace(box_warp=1.0, avg_camera_radius=2.7)
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def synthesis(self, ws, label, sampling, planes):
        camera_to_world, intrinsics = split_label(label)
        directions = ray_directions(intrinsics, pixel_centres(128, 128, label)) @ camera_to_world[0, :3, :3].T
        origin = camera_to_world[0, :3, 3]
        along = -(directions * origin).sum(-1, keepdim=True)
        inner = RADIUS**2 - (origin.square().sum() - along**2)
        distance = torch.where(inner > 0, along - inner.clamp_min(0).sqrt(), torch.full_like(along, 3.3))
        image = torch.where(inner > 0, colours_of(origin + distance * directions), torch.ones_like(directions))
        as_image = [each.permute(0, 3, 1, 2) for each in (image * 2 - 1, distance)]
        return {"image": as_image[0], "image_depth": as_image[1]}

    def sample_planes(self, planes, points):
        sigma = 4000 * (RADIUS - points.norm(dim=-1, keepdim=True))
        return {"rgb": torch.full((*points.shape[:2], 32), 0.5), "sigma": sigma}


@pytest.fixture
def head() -> Head:
    generator = BallGenerator()
    return Head(generator, torch.zeros(1, 1, 1), torch.zeros(1, 3, 1, 1, 1), frontal_labels(generator))


@pytest.fixture
def sphere_points() -> np.ndarray:
    directions = torch.nn.functional.normalize(torch.randn(500, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    return directions.numpy()


def test_vertices_take_the_colours_of_where_they_land(head, sphere_points):
    colours, trust = view_colours(views_of(head), 1.0, sphere_points * RADIUS, sphere_points)
    sure = trust > 0.9
    assert sure.sum() > 150
    expected = colours_of(torch.from_numpy(sphere_points * RADIUS)).numpy() * 255
    np.testing.assert_allclose(colours[sure], expected[sure], atol=6)


def test_the_back_is_not_trusted(head, sphere_points):
    _, trust = view_colours(views_of(head), 1.0, sphere_points * RADIUS, sphere_points)
    assert (trust[sphere_points[:, 2] < -0.3] == 0).all()
    assert (trust[sphere_points[:, 2] > 0.7] == 1).all()


def test_what_is_hidden_or_outside_the_image_is_not_trusted(head):
    inside_the_ball = np.array([[0.0, 0.0, 0.1], [0.0, 0.6, 0.0]], dtype=np.float32)
    towards_the_camera = np.array([[0.0, 0.0, 1.0]] * 2, dtype=np.float32)
    assert (view_colours(views_of(head), 1.0, inside_the_ball, towards_the_camera)[1] == 0).all()


def test_mesh_shows_the_images_in_front_and_the_field_where_asked(head):
    sharp, _ = mesh_from_head(head, MeshSettings(resolution=48))
    assert report_of(sharp).watertight
    nose = sharp.vertices[:, 2].argmax()
    assert np.abs(sharp.colours[nose].astype(int) - [128, 128, 255]).max() < 12
    grey, _ = mesh_from_head(head, MeshSettings(resolution=48, colours="field"))
    assert (np.abs(grey.colours.astype(int) - 128) < 2).all()


def test_sample_of_a_seed_is_reproducible_and_its_field_is_the_generators():
    small = {"channel_base": 512, "channel_max": 16}
    config = GeneratorConfig(plane_resolution=32, rendering=RenderingOptions(box_warp=1.6), **small)
    generator = Generator(config).eval()
    first, second = sample_head(generator, 5), sample_head(generator, 5)
    assert torch.equal(first.planes, second.planes) and first.ws.shape == (1, generator.num_ws, 512)
    points = torch.rand(9, 3) - 0.5
    rgb, sigma = first.field().query(points)
    expected = generator.sample_planes(first.planes, points[None])
    assert first.field().box_side == 1.6
    assert torch.equal(rgb, expected["rgb"][0, :, :3]) and torch.equal(sigma, expected["sigma"][0, :, 0])
    with pytest.raises(ValueError, match="seed -1"):
        sample_head(generator, -1)
