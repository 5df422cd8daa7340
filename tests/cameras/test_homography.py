"""Claims about intrinsics, square cameras and the homography between cameras of one centre."""

from __future__ import annotations

import math

import pytest
import torch

from gan3dinv_ns.cameras.homography import (
    homography,
    pixel_intrinsics,
    ray_range,
    resampling_grid,
    square_camera,
)
from gan3dinv_ns.cameras.intrinsics import (
    FOCAL,
    fov_rad,
    intrinsics_matrix,
    pixel_centres,
    project,
    ray_directions,
)
from gan3dinv_ns.cameras.rotations import orbit, so3_exp


def _to_square(viewer: torch.Tensor, intrinsics: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    square, square_intrinsics = square_camera(viewer)
    matrix = homography(viewer[:, :3, :3], intrinsics, square[:, :3, :3], square_intrinsics)
    return square, square_intrinsics, matrix


def test_same_camera_gives_the_identity() -> None:
    viewer = orbit(0.3, 0.2)
    matrix = _to_square(viewer, intrinsics_matrix())[2]
    torch.testing.assert_close(matrix, torch.eye(3)[None], atol=1e-5, rtol=0)
    centres = 2 * pixel_centres(16, 16, matrix) - 1
    torch.testing.assert_close(resampling_grid(matrix, 16, 16)[0], centres, atol=1e-4, rtol=0)


def test_a_point_lands_where_both_projections_say() -> None:
    viewer = orbit(0.5, -0.3, 3.7)
    viewer[:, :3, :3] = viewer[:, :3, :3] @ so3_exp(torch.tensor([[0.1, -0.05, 0.4]]))
    intrinsics = pixel_intrinsics(500.0, 520.0, 310.0, 250.0, 640, 480)
    square, square_intrinsics, matrix = _to_square(viewer, intrinsics)
    points = torch.randn(1, 6, 4) * 0.1
    points[..., 3] = 1.0
    in_viewer = (points @ torch.linalg.inv(viewer).mT)[..., :3]
    in_square = (points @ torch.linalg.inv(square).mT)[..., :3]
    image_points = torch.cat([project(in_viewer, intrinsics), torch.ones(1, 6, 1)], dim=2)
    carried = image_points @ matrix.mT
    torch.testing.assert_close(
        carried[..., :2] / carried[..., 2:], project(in_square, square_intrinsics), atol=1e-5, rtol=0
    )


def test_grid_follows_pixel_centres() -> None:
    viewer = orbit(0.2, 0.1)
    matrix = _to_square(viewer, pixel_intrinsics(60.0, 60.0, 20.0, 10.0, 40, 20))[2]
    grid = resampling_grid(matrix, 20, 40)
    uv = pixel_centres(20, 40, matrix)[7, 31]
    point = matrix[0] @ torch.tensor([uv[0], uv[1], 1.0])
    torch.testing.assert_close(grid[0, 7, 31], 2 * point[:2] / point[2] - 1)


def test_head_fills_the_square_from_every_distance() -> None:
    for distance in (0.6, 2.7, 9.0):
        camera, intrinsics = square_camera(orbit(0.4, 0.2, distance))
        side = camera[:, :3, 0] * 0.3  # a point beside the origin, in the plane through it
        point = torch.einsum("nji,nj->ni", camera[:, :3, :3], side - camera[:, :3, 3])
        expected = 0.5 + 0.3 * FOCAL / 2.7
        torch.testing.assert_close(project(point[:, None], intrinsics)[0, 0, 0], torch.tensor(expected))


def test_square_camera_stays_upright_when_the_viewer_rolls() -> None:
    viewer = orbit(0.5, 0.3)
    rolled = viewer.clone()
    rolled[:, :3, :3] = viewer[:, :3, :3] @ so3_exp(torch.tensor([[0.0, 0.0, 1.0]]))
    torch.testing.assert_close(square_camera(rolled)[0], viewer, atol=1e-6, rtol=0)


def test_looking_away_shows_nothing_of_the_picture() -> None:
    viewer = orbit(0.0, 0.0)
    viewer[:, :3, :3] = viewer[:, :3, :3] @ so3_exp(torch.tensor([[0.0, math.pi, 0.0]]))
    matrix = _to_square(viewer, intrinsics_matrix(0.7))[2]
    grid = resampling_grid(matrix, 12, 10)
    assert grid.shape == (1, 12, 10, 2)
    assert (grid.abs() > 1).any(dim=-1).all()


def test_viewer_inside_the_head_stays_finite() -> None:
    camera = torch.eye(4)[None]
    square, intrinsics = square_camera(camera)
    assert torch.isfinite(square).all() and torch.isfinite(torch.linalg.inv(intrinsics)).all()
    near, far = ray_range(square, 2.25, 3.3)
    assert 0 < near < far


def test_ray_range_is_the_trainings_at_the_trainings_distance() -> None:
    assert ray_range(orbit(0.3, 0.1), 2.25, 3.3) == pytest.approx((2.25, 3.3), abs=1e-6)
    assert ray_range(orbit(0.3, 0.1, 5.7), 2.25, 3.3) == pytest.approx((5.25, 6.3), abs=1e-5)


def test_field_of_view_matches_the_focal_length() -> None:
    assert math.degrees(fov_rad(FOCAL)) == pytest.approx(13.37, abs=0.01)


def test_projection_inverts_ray_directions() -> None:
    intrinsics = intrinsics_matrix(1.3)
    uv = pixel_centres(5, 7, intrinsics)
    directions = ray_directions(intrinsics, uv)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(1, 5, 7))
    torch.testing.assert_close(project(3 * directions.reshape(1, -1, 3), intrinsics)[0], uv.reshape(-1, 2))


def test_ray_directions_are_those_of_the_inverse_intrinsics() -> None:
    intrinsics = torch.tensor([[[1.3, 0.2, 0.4], [0.0, 0.9, 0.6], [0.0, 0.0, 1.0]], intrinsics_matrix(2.0)[0].tolist()])
    uv = pixel_centres(5, 7, intrinsics)
    points = torch.cat([uv, torch.ones(5, 7, 1)], dim=-1)
    expected = torch.nn.functional.normalize(torch.linalg.inv(intrinsics)[:, None, None] @ points[..., None], dim=-2)
    torch.testing.assert_close(ray_directions(intrinsics, uv), expected[..., 0])


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_camera_without_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="positive size"):
        pixel_intrinsics(1.0, 1.0, 0.5, 0.5, *size)
