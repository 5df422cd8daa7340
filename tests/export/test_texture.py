"""Baked pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan3dinv_ns.export.density import PointField
from gan3dinv_ns.export.mesh import mesh_from_field
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.export.unwrap import Unwrapped, faces_of_texels, unwrap, weights_in_faces

SIZE = 256
SETTINGS = MeshSettings(
    resolution=48, density_level=10.0, texture="atlas", texture_size=SIZE, faces=1500, continue_colours=False
)


def smooth_colours(points: torch.Tensor) -> torch.Tensor:
    return (points / 0.6 + 0.5).clamp(0, 1)


@pytest.fixture
def field(ball) -> PointField:
    return PointField(lambda p: (smooth_colours(p), 50 * (ball(p, (0, 0, 0), 0.3) - 10)), 1.0, torch.device("cpu"))


@pytest.fixture
def mesh(field):
    return mesh_from_field(field, SETTINGS)[0]


def test_a_texel_shows_the_triangle_around_its_centre():
    uv = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    square = Unwrapped(np.arange(4), np.array([[0, 1, 2], [1, 3, 2]], np.int32), uv)
    shown = faces_of_texels(square, 4)
    assert shown[3, 0] == 0 and shown[0, 3] == 1 and (shown >= 0).all()
    # Row 3 is the lowest: the texel's centre lies at u = v = 1/8.
    np.testing.assert_allclose(weights_in_faces(square, 4, *np.array([[3], [0], [0]])), [[0.75, 0.125, 0.125]])


def test_triangles_without_an_area_show_nothing():
    uv = np.array([[0, 0], [0.5, 0.5], [1, 1]], np.float32)
    assert (faces_of_texels(Unwrapped(np.arange(3), np.array([[0, 1, 2]], np.int32), uv), 8) == -1).all()


def test_charts_do_not_overlap_and_cover_every_face(mesh):
    unwrapped = unwrap(mesh.vertices, mesh.faces, SIZE)
    np.testing.assert_array_equal(unwrapped.origin[unwrapped.faces], mesh.faces)
    assert unwrapped.uv.min() >= 0 and unwrapped.uv.max() <= 1
    a, b, c = unwrapped.uv[unwrapped.faces].transpose(1, 0, 2).astype(np.float64)
    areas = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    covered = (faces_of_texels(unwrapped, SIZE) >= 0).mean()
    assert covered == pytest.approx(areas.sum(), rel=0.03)


def test_every_texel_has_the_colour_of_its_point(mesh):
    texture = mesh.texture
    shown = faces_of_texels(texture.unwrapped, SIZE)
    rows, columns = np.nonzero(shown >= 0)
    weights = weights_in_faces(texture.unwrapped, SIZE, rows, columns, shown[rows, columns])
    points = np.einsum("nk,nkc->nc", weights, mesh.vertices[mesh.faces[shown[rows, columns]]])
    expected = smooth_colours(torch.from_numpy(points)).numpy() * 255
    assert np.abs(texture.image[rows, columns] - expected).max() < 6


def test_vertices_and_picture_agree(mesh):
    uv = mesh.texture.unwrapped.uv
    rows, columns = (
        ((1 - uv[:, 1]) * SIZE).astype(int).clip(0, SIZE - 1),
        (uv[:, 0] * SIZE).astype(int).clip(0, SIZE - 1),
    )
    shown = mesh.texture.image[rows, columns].astype(int)
    assert np.abs(shown - mesh.colours[mesh.texture.unwrapped.origin]).max() < 8


def test_gutters_continue_the_charts(mesh):
    shown = faces_of_texels(mesh.texture.unwrapped, SIZE)
    inside = np.pad(shown >= 0, 1)
    beside = (shown < 0) & (inside[:-2, 1:-1] | inside[2:, 1:-1] | inside[1:-1, :-2] | inside[1:-1, 2:])
    rows, columns = np.nonzero(beside[1:-1, 1:-1])
    around = np.stack(
        [mesh.texture.image[rows + 1 + dy, columns + 1 + dx] for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    ).astype(int)
    here = mesh.texture.image[rows + 1, columns + 1].astype(int)
    assert len(rows) > 100 and (np.abs(around - here).sum(axis=-1).min(axis=0) == 0).all()


def test_what_no_camera_saw_is_continued_in_the_picture_too(ball):
    def white_behind(points):
        brown = torch.tensor([0.4, 0.3, 0.2])
        return torch.where(points[:, 2:] < -0.15, torch.ones(3), brown)

    field = PointField(lambda p: (white_behind(p), 50 * (ball(p, (0, 0, 0), 0.3) - 10)), 1.0, torch.device("cpu"))
    settings = MeshSettings(resolution=48, density_level=10.0, texture="atlas", texture_size=SIZE, faces=1500)
    image = mesh_from_field(field, settings)[0].texture.image
    assert (np.abs(image.astype(int) - [102, 76, 51]).max(axis=-1) < 12).mean() > 0.95


def test_images_are_looked_up_for_every_texel(field):
    def stripes(points, normals):
        return np.where(np.sin(points[:, 1:2] * 150) > 0, 200.0, 50.0) + 0 * points, np.ones(len(points), np.float32)

    image = mesh_from_field(field, SETTINGS, look=stripes)[0].texture.image
    assert set(np.unique(image)) == {50, 200}


def test_the_texture_is_the_last_stage(field):
    told = []
    mesh_from_field(field, SETTINGS, lambda stage, part: told.append((stage, part)))
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["density", "surface", "colours", "texture"]
    assert told[-1] == ("texture", 1.0)
