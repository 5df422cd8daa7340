"""Meshes of analytic densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gan3dinv_ns.export.density import PointField
from gan3dinv_ns.export.mesh import Mesh, mesh_from_field
from gan3dinv_ns.export.report import report_of
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.surface import vertex_normals

SMALL = MeshSettings(resolution=48, density_level=10.0, margin=0.0, continue_colours=False)


@pytest.fixture
def sphere(make_field, ball) -> Mesh:
    return mesh_from_field(make_field(lambda p: ball(p, (0.05, 0.0, -0.05), 0.3)), SMALL)[0]


def test_sphere_has_its_volume_and_size(sphere):
    report = report_of(sphere)
    assert report.watertight
    assert report.euler_number == 2
    assert report.volume_litres == pytest.approx(4 / 3 * math.pi * (0.3 * 4.2) ** 3, rel=0.01)
    assert report.size_cm == pytest.approx((25.2, 25.2, 25.2), rel=0.01)


def test_sphere_lies_where_it_was_put(sphere):
    np.testing.assert_allclose(sphere.vertices.mean(0), [0.05, 0.0, -0.05], atol=2e-3)
    radii = np.linalg.norm(sphere.vertices - np.array([0.05, 0.0, -0.05], np.float32), axis=1)
    np.testing.assert_allclose(radii, 0.3, atol=1e-3)


def test_normals_point_outward(sphere):
    outward = sphere.vertices - sphere.vertices.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert (outward * vertex_normals(sphere.vertices, sphere.faces)).sum(1).min() > 0.97


def test_colours_are_those_of_the_side(sphere):
    left, right = sphere.vertices[:, 0] < -0.02, sphere.vertices[:, 0] > 0.02
    assert (sphere.colours[left] == [255, 0, 0]).all()
    assert (sphere.colours[right] == [0, 0, 255]).all()


def test_colour_is_the_skin_not_what_is_in_front_or_behind():
    def onion(points):
        radius = points.norm(dim=-1, keepdim=True)
        skin = (radius - 0.3).abs() < 0.008
        inside = radius < 0.3
        green, red, blue = torch.eye(3)[[1, 0, 2]]
        colour = torch.where(skin, green, torch.where(inside, red, blue))
        return colour, torch.where(inside[:, 0], 1000.0, -10.0)

    field = PointField(onion, 1.0, torch.device("cpu"))
    mesh, _ = mesh_from_field(field, MeshSettings(resolution=96, density_level=10.0, continue_colours=False))
    assert mesh.colours[:, 1].min() > 230


def test_only_the_largest_blob_is_kept(make_field, ball):
    def two(points):
        return torch.maximum(ball(points, (-0.25, 0, 0), 0.1), ball(points, (0.2, 0, 0), 0.2))

    report = report_of(mesh_from_field(make_field(two), SMALL)[0])
    assert report.watertight
    assert report.euler_number == 2
    assert report.volume_litres == pytest.approx(4 / 3 * math.pi * (0.2 * 4.2) ** 3, rel=0.01)


def test_a_cavity_is_filled(make_field, ball):
    def shell(points):
        return torch.minimum(ball(points, (0, 0, 0), 0.3), 20 - ball(points, (0, 0, 0), 0.2))

    report = report_of(mesh_from_field(make_field(shell), SMALL)[0])
    assert report.euler_number == 2
    assert report.volume_litres == pytest.approx(4 / 3 * math.pi * (0.3 * 4.2) ** 3, rel=0.01)


def test_a_neck_that_leaves_the_box_is_closed_at_its_side(make_field):
    def column(points):
        return 10.0 + 400 * (0.2 - points[:, [0, 2]].norm(dim=-1))

    mesh, _ = mesh_from_field(make_field(column, box_side=2.0), SMALL)
    assert report_of(mesh).watertight
    assert mesh.vertices[:, 1].min() == pytest.approx(-1.0, abs=1e-5)
    assert mesh.vertices[:, 1].max() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("box_side", "margin"), [(1.0, 0.12), (1.6, 0.12), (0.75, 0.0), (0.9, 0.0778)])
def test_small_boxes_hold_nothing_but_the_head_and_are_used_to_their_ends(box_side, margin):
    assert MeshSettings().margin_in(box_side) == pytest.approx(margin, abs=1e-4)
    assert MeshSettings(margin=0.3).margin_in(box_side) == 0.3


def test_margin_leaves_the_sides_of_the_box_empty(make_field):
    mesh, _ = mesh_from_field(
        make_field(lambda p: torch.full((len(p),), 50.0)), MeshSettings(resolution=40, margin=0.1, density_level=10.0)
    )
    assert report_of(mesh).watertight
    assert np.abs(mesh.vertices).max() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_closed_even_after_equal_vertices_are_merged(make_field, seed):
    import trimesh

    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 1, 24, 24, 24, generator=generator) * 20

    def rough(points):
        grid = points[None, None, None] * 2
        return torch.nn.functional.grid_sample(noise, grid, align_corners=False, padding_mode="border")[0, 0, 0, 0]

    mesh, _ = mesh_from_field(make_field(rough), SMALL)
    assert report_of(mesh).watertight
    merged = trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)
    assert merged.is_watertight and merged.is_winding_consistent
    assert len(merged.vertices) == len(mesh.vertices)


def test_densities_equal_to_the_level_still_give_a_closed_mesh(make_field):
    def steps(points):
        return (10.0 + 10 * (0.3 - points.abs().amax(-1)).sign()).round()

    mesh, _ = mesh_from_field(make_field(steps), SMALL)
    assert report_of(mesh).watertight

    def plateau(points):
        inside = points.abs().amax(-1) < 0.2
        return torch.where(inside, 20.0, torch.where(points.abs().amax(-1) < 0.3, 10.0, 0.0))

    mesh, _ = mesh_from_field(make_field(plateau), SMALL)
    assert report_of(mesh).watertight


def test_metric_scales_coordinates_and_keeps_the_figures(make_field, ball):
    field = make_field(lambda p: ball(p, (0, 0, 0), 0.3))
    box = mesh_from_field(field, SMALL)[0]
    metres = mesh_from_field(field, MeshSettings(resolution=48, density_level=10.0, metric=True))[0]
    np.testing.assert_allclose(metres.vertices, box.vertices * 0.42, rtol=1e-6)
    assert report_of(metres).size_cm == report_of(box).size_cm
    assert (metres.unit, metres.metres_per_length) == ("m", 1.0)
    assert (box.unit, box.metres_per_length) == ("box", 0.42)


def test_density_is_asked_for_in_bounded_chunks(ball):
    asked = []

    def query(points):
        asked.append(len(points))
        return points, ball(points, (0, 0, 0), 0.3)

    mesh_from_field(PointField(query, 1.0, torch.device("cpu")), MeshSettings(resolution=64, density_level=10.0))
    assert max(asked) <= 1 << 18


def test_densities_that_are_not_finite_count_as_empty(make_field, ball):
    def broken(points):
        density = ball(points, (0, 0, 0), 0.3)
        return torch.where(points[:, 0].abs() > 0.4, torch.nan, density)

    assert report_of(mesh_from_field(make_field(broken), SMALL)[0]).euler_number == 2


def test_no_surface_at_the_level_is_said(make_field):
    with pytest.raises(ValueError, match=r"nowhere exceeds 10 .*maximum is 3.*lower density level"):
        mesh_from_field(make_field(lambda p: torch.full((len(p),), 3.0)), SMALL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 2},
        {"resolution": 100},
        {"resolution": 5000},
        {"margin": 0.6},
        {"metres_per_unit": 0.0},
        {"formats": ()},
        {"faces": 99},
        {"faces": -1},
        {"smooth": -1},
        {"smooth": 101},
        {"texture_size": 1000},
        {"texture_size": 32},
        {"texture_size": 16384},
        {"height_cm": 0.0},
        {"height_cm": float("nan")},
    ],
)
def test_wrong_settings_are_named(make_field, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0].removesuffix("s")):
        mesh_from_field(make_field(lambda p: p[:, 0]), MeshSettings(**wrong))


def test_stages_are_told_in_order(make_field, ball):
    told = []
    mesh_from_field(
        make_field(lambda p: ball(p, (0, 0, 0), 0.3)), SMALL, lambda stage, part: told.append((stage, part))
    )
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["density", "surface", "colours"]
    assert told[-1] == ("colours", 1.0)


def test_trusted_colours_take_the_place_of_the_fields(make_field, ball):
    def look(vertices, normals):
        return np.full_like(vertices, 100.0), (vertices[:, 1] > 0).astype(np.float32)

    mesh, _ = mesh_from_field(make_field(lambda p: ball(p, (0, 0, 0), 0.3)), SMALL, look=look)
    upper = mesh.vertices[:, 1] > 0
    assert (mesh.colours[upper] == 100).all()
    assert (mesh.colours[~upper, 1] == 0).all()
