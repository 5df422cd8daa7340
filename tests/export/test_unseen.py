"""What no camera saw takes its colours from its surroundings."""

from __future__ import annotations

import numpy as np
import pytest

from gan3dinv_ns.export.mesh import mesh_from_field
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.surface import vertex_normals
from gan3dinv_ns.export.unseen import continue_colours, seen_part


@pytest.fixture
def ball_mesh(make_field, ball):
    settings = MeshSettings(resolution=32, density_level=10.0, continue_colours=False)
    return mesh_from_field(make_field(lambda p: ball(p, (0, 0, 0), 0.3)), settings)[0]


def test_the_face_is_seen_and_the_back_is_not():
    normals = np.array([[0, 0, 1], [1, 0, 0], [0, 0, -1], [0.5, 0, -0.85], [0, -1, 0]], dtype=np.float32)
    seen = seen_part(normals)
    assert seen[0] == 1 and seen[1] == 1
    assert seen[2] == 0 and seen[3] == 0 and seen[4] == 0


def test_a_white_back_takes_the_colour_of_the_sides(ball_mesh):
    normals = vertex_normals(ball_mesh.vertices, ball_mesh.faces)
    seen = seen_part(normals)
    brown, white = np.array([90, 60, 30], np.uint8), np.array([255, 255, 255], np.uint8)
    colours = np.where(seen[:, None] > 0, brown, white)
    np.testing.assert_allclose(continue_colours(colours, ball_mesh.faces, seen), brown[None] + 0 * colours, atol=2)


def test_what_was_seen_is_kept_and_the_rest_lies_between(ball_mesh):
    seen = seen_part(vertex_normals(ball_mesh.vertices, ball_mesh.faces))
    result = continue_colours(ball_mesh.colours, ball_mesh.faces, seen)
    np.testing.assert_array_equal(result[seen == 1], ball_mesh.colours[seen == 1])
    back = (seen == 0) & (np.abs(ball_mesh.vertices[:, 0]) < 0.02)
    assert (np.abs(result[back].astype(int) - [128, 0, 128]).max(0) < 90).all()


def test_nothing_seen_changes_nothing(ball_mesh):
    none = np.zeros(len(ball_mesh.vertices))
    assert continue_colours(ball_mesh.colours, ball_mesh.faces, none) is ball_mesh.colours
