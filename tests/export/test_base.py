"""Flat bases: where meshes are cut, and that they stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from gan3dinv_ns.export.mesh import Mesh, mesh_from_field
from gan3dinv_ns.export.report import report_of
from gan3dinv_ns.export.settings import MeshSettings

SMALL = MeshSettings(resolution=48, density_level=10.0, margin=0.0, continue_colours=False)
NECK = -0.24


@pytest.fixture
def bust(make_field, ball):
    """A ball on a cone-like neck, narrowest at `NECK`, on shoulders that end in loose points."""

    def density(points):
        x, y, z = points.unbind(dim=-1)
        across = torch.stack([x, z], dim=-1).norm(dim=-1)
        neck = 10 + 400 * torch.minimum(0.06 + 0.6 * (y - NECK).abs() - across, -y - 0.05)
        head = ball(points, (0, 0.1, 0), 0.2)
        crumb = ball(points, (0.4, -0.4, 0.4), 0.03)
        return torch.maximum(torch.maximum(neck, head), crumb)

    return make_field(density)


def printed(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)


def test_a_head_ends_flat_where_its_neck_is_narrowest(bust):
    mesh = mesh_from_field(bust, replace(SMALL, part="head", resolution=96))[0]
    lowest = mesh.vertices[:, 1].min()
    assert lowest == pytest.approx(NECK, abs=0.02)
    report = report_of(mesh)
    assert report.manifold and report.bodies == 1
    # The edge of the base is beveled by a cell.
    assert np.pi * (0.05 * 42) ** 2 < report.base_area_cm2 < np.pi * (0.065 * 42) ** 2


@pytest.mark.parametrize("options", [{}, {"faces": 600}, {"smooth": 10}, {"smooth": 10, "faces": 600, "part": "head"}])
def test_what_shall_be_printed_is_one_solid_that_stands(bust, options):
    mesh = mesh_from_field(bust, replace(SMALL, printable=True, **options))[0]
    report, solid = report_of(mesh), printed(mesh)
    assert report.printable and report.unit == "m"
    assert solid.is_watertight and solid.is_winding_consistent and solid.is_volume and solid.body_count == 1
    assert solid.bounds[0, 1] == 0
    base = (solid.face_normals[:, 1] < -0.99) & (solid.triangles[..., 1] == 0).all(axis=1)
    assert solid.area_faces[base].sum() * 1e4 == pytest.approx(report.base_area_cm2, rel=0.01)
    stable = solid.vertices[solid.vertices[:, 1] == 0][:, [0, 2]]
    assert (stable.min(axis=0) < solid.center_mass[[0, 2]]).all()
    assert (stable.max(axis=0) > solid.center_mass[[0, 2]]).all()


def test_a_ball_gets_a_base(make_field, ball):
    mesh = mesh_from_field(make_field(lambda p: ball(p, (0, 0, 0), 0.3)), replace(SMALL, printable=True))[0]
    assert report_of(mesh).printable and report_of(mesh).base_area_cm2 > 30
    assert not report_of(mesh_from_field(make_field(lambda p: ball(p, (0, 0, 0), 0.3)), SMALL)[0]).printable


@pytest.mark.parametrize("printable", [True, False])
def test_a_height_scales_the_mesh(bust, printable):
    mesh = mesh_from_field(bust, replace(SMALL, printable=printable, height_cm=12.5))[0]
    assert np.ptp(mesh.vertices[:, 1]) == pytest.approx(0.125, rel=1e-5)
    assert report_of(mesh).size_cm[1] == 12.5


def test_two_cones_that_touch_in_a_vertex_are_no_manifold():
    apex, rims = [0, 0, 0], [[1, 1, 0], [-1, 1, 1], [-1, 1, -1], [1, -1, 0], [-1, -1, 1], [-1, -1, -1]]
    faces = [[0, 2, 1], [0, 3, 2], [0, 1, 3], [1, 2, 3], [0, 4, 5], [0, 5, 6], [0, 6, 4], [4, 6, 5]]
    mesh = Mesh(np.array([apex, *rims], np.float32), np.array(faces, np.int32), np.zeros((7, 3), np.uint8), 1, "m", 1)
    report = report_of(mesh)
    assert report.watertight and not report.manifold and not report.printable
