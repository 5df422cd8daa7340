"""Smoothing and decimation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan3dinv_ns.export.mesh import mesh_from_field
from gan3dinv_ns.export.report import report_of
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.simplify import decimated
from gan3dinv_ns.export.smooth import smoothed
from gan3dinv_ns.export.surface import tetrahedron_volumes

SMALL = MeshSettings(resolution=48, density_level=10.0, margin=0.0, continue_colours=False)


@pytest.fixture
def rough_ball(make_field, ball):
    """A ball with ripples of 0.01."""

    def density(points):
        return ball(points, (0, 0, 0), 0.3) + 4 * torch.sin(60 * points).prod(dim=-1)

    return mesh_from_field(make_field(density), SMALL)[0]


@pytest.fixture
def ring(make_field):
    """A torus, which has a tunnel, with thin places."""

    def density(points):
        x, y, z = points.unbind(dim=-1)
        thickness = 0.05 + 0.03 * torch.sin(5 * torch.atan2(y, x))
        return 10 + 400 * (thickness - torch.stack([torch.hypot(x, y) - 0.25, z], dim=-1).norm(dim=-1))

    return mesh_from_field(make_field(density), SMALL)[0]


def unevenness(vertices: np.ndarray) -> float:
    return float(np.linalg.norm(vertices, axis=1).std())


def test_smoothing_takes_off_ripples_and_keeps_the_volume(rough_ball):
    after = smoothed(rough_ball.vertices, rough_ball.faces, 10)
    before, now = (tetrahedron_volumes(v, rough_ball.faces).sum() for v in (rough_ball.vertices, after))
    assert unevenness(after) < 0.75 * unevenness(rough_ball.vertices)
    assert now == pytest.approx(before, rel=0.01)
    np.testing.assert_array_equal(smoothed(rough_ball.vertices, rough_ball.faces, 0), rough_ball.vertices)


def test_smoothing_comes_before_the_colours_and_leaves_the_mesh_closed(make_field, ball):
    mesh = mesh_from_field(
        make_field(lambda p: ball(p, (0, 0, 0), 0.3)), MeshSettings(resolution=48, density_level=10.0, smooth=10)
    )[0]
    assert report_of(mesh).manifold
    assert (mesh.colours[mesh.vertices[:, 0] < -0.02] == [255, 0, 0])[
        mesh.vertices[mesh.vertices[:, 0] < -0.02, 2] > 0.1
    ].all()


@pytest.mark.parametrize(("count", "lost"), [(2000, 0.01), (500, 0.03), (100, 0.2)])
def test_decimation_gives_the_number_asked_for_and_keeps_tunnels(ring, count, lost):
    vertices, faces = decimated(ring.vertices, ring.faces, count)
    assert len(faces) == count
    fewer = type(ring)(vertices, faces, np.zeros_like(vertices, dtype=np.uint8), 1, "m", 10)
    report = report_of(fewer)
    assert report.manifold and report.bodies == 1 and report.euler_number == 0
    whole = tetrahedron_volumes(ring.vertices, ring.faces).sum()
    assert tetrahedron_volumes(vertices, faces).sum() == pytest.approx(whole, rel=lost)


def test_fewer_faces_than_asked_for_stay_as_they_are(ring):
    vertices, faces = decimated(ring.vertices, ring.faces, len(ring.faces) + 1)
    assert vertices is ring.vertices and faces is ring.faces


def test_settings_decimate_before_colouring(make_field, ball):
    mesh = mesh_from_field(
        make_field(lambda p: ball(p, (0, 0, 0), 0.3)), MeshSettings(resolution=48, density_level=10.0, faces=400)
    )[0]
    assert len(mesh.faces) == 400 and len(mesh.colours) == len(mesh.vertices) == 202


def test_only_a_texture_decimates_unasked():
    assert MeshSettings().most_faces is None
    assert MeshSettings(texture="atlas").most_faces == 20_000
    assert MeshSettings(texture="atlas", faces=50_000).most_faces == 50_000
