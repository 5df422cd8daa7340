"""Claims about small changes of cameras."""

from __future__ import annotations

import torch

from gan3dinv_ns.cameras.nudges import nudged
from gan3dinv_ns.cameras.rotations import orbit, roll_of, yaw_pitch

START = orbit(torch.tensor([0.3, -0.2]), torch.tensor([0.1, 0.0]))


def test_no_change_is_none() -> None:
    torch.testing.assert_close(nudged(START), START)


def test_yaw_and_pitch_walk_around_the_head() -> None:
    torch.testing.assert_close(nudged(START, yaw_rad=0.2), orbit(torch.tensor([0.5, 0.0]), torch.tensor([0.1, 0.0])))
    torch.testing.assert_close(nudged(START, pitch_rad=0.2), orbit(torch.tensor([0.3, -0.2]), torch.tensor([0.3, 0.2])))


def test_roll_turns_the_picture_only() -> None:
    rolled = nudged(START, roll_rad=0.25)
    torch.testing.assert_close(rolled[:, :3, 2:], START[:, :3, 2:])
    torch.testing.assert_close(roll_of(rolled[:, :3, :3]).abs(), torch.full((2,), 0.25))


def test_a_shift_moves_the_head_against_it_in_the_picture() -> None:
    moved = nudged(START, right_box=0.1, down_box=-0.05)
    origin = torch.linalg.inv(moved)[:, :3, 3]
    torch.testing.assert_close(origin, torch.tensor([[-0.1, 0.05, 2.7]]).expand(2, 3))
    torch.testing.assert_close(moved[:, :3, :3], START[:, :3, :3])


def test_what_was_nudged_can_be_nudged_back() -> None:
    there = nudged(nudged(START, 0.1, 0.05), right_box=0.2)
    back = nudged(nudged(there, right_box=-0.2), pitch_rad=-0.05)
    torch.testing.assert_close(nudged(back, yaw_rad=-0.1), START)
    assert torch.isfinite(torch.stack(yaw_pitch(there[:, :3, 3]))).all()
