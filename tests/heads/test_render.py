"""Pictures agree with projection and with known shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix
from gan3dinv_ns.heads.attributes import draw_attributes
from gan3dinv_ns.heads.geometry import SKIN, HeadGeometry, build_geometry
from gan3dinv_ns.heads.render import camera_matrices, render_geometry, render_head
from gan3dinv_ns.heads.template import HeadTemplate

ATTRIBUTES = draw_attributes(0)


BallGeometry = Callable[[tuple[float, float, float], float], HeadGeometry]


def test_ball_appears_where_projection_says(ball_geometry: BallGeometry) -> None:
    centre = np.array([0.12, -0.08, 0.05])
    camera = camera_matrices([(0.4, -0.2)])
    alpha = render_geometry(ball_geometry(tuple(centre), 0.05), ATTRIBUTES, camera, 256, 2).alpha[0]
    x, y, z = np.linalg.inv(camera[0])[:3] @ np.append(centre, 1)
    rows, columns = np.nonzero(alpha > 0.5)
    assert np.isclose(columns.mean() + 0.5, (FOCAL * x / z + 0.5) * 256, atol=0.5)
    assert np.isclose(rows.mean() + 0.5, (FOCAL * y / z + 0.5) * 256, atol=0.5)
    radius = 256 * FOCAL * 0.05 / z
    assert np.isclose(alpha.sum(), np.pi * radius**2, rtol=0.03)


def test_depth_is_the_distance_along_the_unit_ray(ball_geometry: BallGeometry) -> None:
    pictures = render_geometry(ball_geometry((0, 0, 0), 0.2), ATTRIBUTES, camera_matrices([(0, 0)]), 129, 1)
    assert np.isclose(pictures.depth[0, 64, 64], 2.5, atol=1e-3)
    offset = 20 / 129 / FOCAL
    half_chord = np.sqrt(0.2**2 - 2.7**2 * offset**2 / (1 + offset**2))
    assert np.isclose(pictures.depth[0, 64, 84], 2.7 / np.sqrt(1 + offset**2) - half_chord, atol=1e-3)
    assert pictures.depth[0, 0, 0] == 0


def test_background_is_white_and_the_head_is_not(ball_geometry: BallGeometry) -> None:
    pictures = render_geometry(ball_geometry((0, 0, 0), 0.2), ATTRIBUTES, camera_matrices([(0, 0)]), 64, 3)
    assert (pictures.rgb[pictures.alpha == 0] == 1).all()
    assert pictures.rgb[pictures.alpha == 1].max() <= 0.94
    edge = (pictures.alpha > 0) & (pictures.alpha < 1)
    assert edge.any()


def test_nothing_outside_the_box_is_seen(ball_geometry: BallGeometry) -> None:
    camera = camera_matrices([(0, 0)])
    assert render_geometry(ball_geometry((0, 0, 0.8), 0.1), ATTRIBUTES, camera, 32, 1).alpha.max() == 0
    cut = render_geometry(ball_geometry((0, 0, 0.5), 0.1), ATTRIBUTES, camera, 65, 1)
    assert cut.depth[0, 32, 32] > 2.2, "the half before the box is cut off"


def test_supersampling_changes_edges_only(ball_geometry: BallGeometry) -> None:
    geometry = ball_geometry((0, 0, 0), 0.2)
    camera = camera_matrices([(0.1, 0.1)])
    once = render_geometry(geometry, ATTRIBUTES, camera, 64, 1)
    often = render_geometry(geometry, ATTRIBUTES, camera, 64, 4)
    assert np.array_equal(once.depth, often.depth)
    changed = np.abs(once.alpha - often.alpha) > 0
    assert 0 < changed.mean() < 0.05


def test_head_from_seed_attributes_and_both_kinds_of_cameras(template: HeadTemplate) -> None:
    angles = [(0.2, -0.1), (-0.3, 0.0)]
    images, depth, alpha = render_head(template, 4, angles, resolution=48, supersample=2)
    assert images.shape == (2, 3, 48, 48) and depth.shape == alpha.shape == (2, 1, 48, 48)
    assert images.min() >= -1 and images.max() == 1
    again, _, _ = render_head(template, draw_attributes(4), torch.from_numpy(camera_matrices(angles)), 48, 2)
    assert torch.equal(images, again)


def test_cameras_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not \[2, 3\]"):
        camera_matrices(np.zeros((2, 3)))


def test_frontal_camera_is_eg3ds() -> None:
    label = camera_label(torch.from_numpy(camera_matrices([(0.0, 0.0)])), intrinsics_matrix())[0]
    assert torch.allclose(label[:16], torch.tensor([1.0, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1]), atol=1e-6)


def test_top_of_the_bare_head_lies_where_the_box_says(template: HeadTemplate) -> None:
    geometry = build_geometry(template, replace(draw_attributes(2), hair_style="bald"))
    skin = geometry.vertices[np.unique(geometry.triangles[geometry.materials == SKIN])]
    assert np.isclose(skin[:, 1].max(), 1.25 / 4.2, atol=1e-5)
    assert np.allclose(np.linalg.norm(geometry.normals[np.unique(geometry.triangles)], axis=1), 1, atol=1e-3)


def test_styles_differ_and_bald_has_no_hair(template: HeadTemplate) -> None:
    bald = build_geometry(template, replace(draw_attributes(2), hair_style="bald"))
    hairy = build_geometry(template, replace(draw_attributes(2), hair_style="long01"))
    assert len(hairy.triangles) > len(bald.triangles)
    assert np.array_equal(hairy.vertices[: len(bald.vertices)], bald.vertices)
