"""Claims about the paths of cameras."""

from __future__ import annotations

import math
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix, project
from gan3dinv_ns.cameras.rotations import orbit, roll_of, rolled, rotation_angle, yaw_pitch
from gan3dinv_ns.cli.render import Render
from gan3dinv_ns.export.camera_paths import CAMERA_PATHS, nod, sway, turned, turntable

COUNT = 24


def photo_camera() -> Tensor:
    """As photos have them: from the side, rolled, and not aimed at the very middle."""
    camera = rolled(orbit(0.3, -0.1, 2.7), 0.2)
    camera[:, :3, 3] += torch.tensor([0.04, -0.02, 0.05])
    return camera


def steps(cameras: Tensor) -> Tensor:
    """Angles [N] between each camera and the next, the last and the first being neighbours too."""
    return rotation_angle(cameras[:, :3, :3], cameras.roll(-1, 0)[:, :3, :3])


@pytest.fixture(params=sorted(CAMERA_PATHS))
def cameras(request: pytest.FixtureRequest) -> Tensor:
    return CAMERA_PATHS[request.param](photo_camera().double(), COUNT)


def test_a_path_begins_with_its_first_camera(cameras: Tensor) -> None:
    assert cameras.shape == (COUNT, 4, 4)
    torch.testing.assert_close(cameras[:1], photo_camera().double())


def test_a_path_is_made_of_rotations_around_the_head(cameras: Tensor) -> None:
    rotation = cameras[:, :3, :3]
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).double().expand(COUNT, 3, 3))
    radius = cameras[:, :3, 3].norm(dim=1)
    torch.testing.assert_close(radius, radius[:1].expand(COUNT))


def test_the_head_stays_where_the_first_picture_has_it(cameras: Tensor) -> None:
    origin = (-cameras[:, :3, :3].mT @ cameras[:, :3, 3:]).mT
    place = project(origin, intrinsics_matrix(n=COUNT).double())
    torch.testing.assert_close(place, place[:1].expand(COUNT, 1, 2))


def test_the_last_frame_leads_into_the_first_like_any_other(cameras: Tensor) -> None:
    between = steps(cameras)
    assert 1e-3 < between[-1] < 1.05 * between.max()


def test_a_longer_path_only_has_finer_steps() -> None:
    for path in CAMERA_PATHS.values():
        torch.testing.assert_close(path(orbit(0.1, 0.2), 50)[::5], path(orbit(0.1, 0.2), 10), atol=1e-5, rtol=0)


def test_a_turntable_turns_once_at_an_even_speed() -> None:
    between = steps(turntable(photo_camera().double(), COUNT))
    torch.testing.assert_close(between, torch.full_like(between, 2 * math.pi / COUNT))
    yaw, pitch = yaw_pitch(turntable(orbit(0.0, 0.2), 4)[:, :3, 3])
    torch.testing.assert_close(yaw.abs(), torch.tensor([0.0, 0.5, 1.0, 0.5]) * math.pi)
    torch.testing.assert_close(pitch, torch.full((4,), 0.2))


def test_a_nod_keeps_to_one_side_and_a_sway_crosses_its_middle() -> None:
    yaw, pitch = yaw_pitch(nod(orbit(0.4, 0.1), 8)[:, :3, 3])
    torch.testing.assert_close(yaw, torch.full((8,), 0.4))
    torch.testing.assert_close(pitch[[2, 6]], torch.tensor([0.35, -0.15]))
    yaw, pitch = yaw_pitch(sway(orbit(0.4, 0.1), 8)[:, :3, 3])
    torch.testing.assert_close(yaw[[0, 2, 4, 6]], torch.tensor([0.4, 0.75, 0.4, 0.05]))
    torch.testing.assert_close(pitch, 0.1 + 0.15 * torch.tensor([0.0, 1, 0, -1, 0, 1, 0, -1]))


def test_a_turned_camera_keeps_its_roll() -> None:
    around = turned(rolled(orbit(0.3, 0.2), 0.25), torch.tensor([0.5, -1.0]), torch.tensor([0.1, -0.3]))
    torch.testing.assert_close(roll_of(around[:, :3, :3]), torch.full((2,), 0.25))


def test_the_command_offers_every_path() -> None:
    # orbit-edit is a sway with another latent at each frame.
    assert set(get_args(get_type_hints(Render)["path"])) == {*CAMERA_PATHS, "orbit-edit"}
