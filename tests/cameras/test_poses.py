"""Claims about the pose parametrizations."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.poses import POSES, CameraPose, EulerPose, SixDPose
from gan3dinv_ns.cameras.rotations import orbit, rotation_angle, so3_exp

KINDS = sorted(POSES.values(), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_pose_starts_where_it_is_told(kind: type[CameraPose]) -> None:
    pose = kind(0.3, -0.2, radius=2.5)
    torch.testing.assert_close(pose(), orbit(0.3, -0.2, 2.5))
    assert pose.yaw_pitch() == pytest.approx((0.3, -0.2), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_translated_camera_comes_back(kind: type[CameraPose]) -> None:
    pose = kind(-0.4, 0.1)
    with torch.no_grad():
        pose.translation.copy_(torch.tensor([[0.05, -0.02]]))
    torch.testing.assert_close(kind.from_camera_to_world(pose())(), pose())


@pytest.mark.parametrize("kind", KINDS)
def test_translation_keeps_the_size_of_the_head(kind: type[CameraPose]) -> None:
    pose = kind(0.2, 0.1)
    with torch.no_grad():
        pose.translation.copy_(torch.tensor([[0.1, 0.2]]))
    origin_in_camera = (torch.linalg.inv(pose()) @ torch.tensor([0.0, 0.0, 0.0, 1.0]))[0]
    torch.testing.assert_close(origin_in_camera[:3], torch.tensor([-0.1, -0.2, 2.7]))


def test_sixd_keeps_a_roll_and_euler_drops_it() -> None:
    camera = orbit(0.2, 0.1)
    camera[:, :3, :3] = camera[:, :3, :3] @ so3_exp(torch.tensor([[0.0, 0.0, 0.3]]))
    exact = SixDPose.from_camera_to_world(camera)
    dropped = EulerPose.from_camera_to_world(camera)
    torch.testing.assert_close(exact()[:, :3, :3], camera[:, :3, :3])
    angle = rotation_angle(dropped()[:, :3, :3], camera[:, :3, :3])
    torch.testing.assert_close(angle, torch.tensor([0.3]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_several_cameras_are_each_what_one_would_be(kind: type[CameraPose]) -> None:
    cameras = orbit(torch.tensor([0.3, -0.5]), torch.tensor([0.1, 0.0]), torch.tensor([2.7, 3.0]))
    pose = kind(count=2)
    pose.place(cameras)
    torch.testing.assert_close(pose(), cameras)
    assert pose.yaw_pitch(1) == pytest.approx((-0.5, 0.0), abs=1e-5)
    pose()[1].sum().backward()
    for parameter in pose.parameters():
        assert not parameter.grad[0].any() and parameter.grad[1].any(), "no camera moves another"
    cameras[1, :3, 3] *= -1
    with pytest.raises(ValueError, match="looks away"):
        pose.place(cameras)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_parameter(kind: type[CameraPose]) -> None:
    pose = kind(0.2, 0.1)
    (pose() * torch.arange(16.0).reshape(1, 4, 4)).sum().backward()
    for parameter in pose.parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
        assert float(parameter.grad.abs().sum()) > 0


def test_camera_that_looks_away_is_refused() -> None:
    camera = orbit(0.0, 0.0)
    camera[:, :3, 3] *= -1
    with pytest.raises(ValueError, match="looks away"):
        EulerPose.from_camera_to_world(camera)


def test_negative_radius_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        EulerPose(radius=-1.0)
