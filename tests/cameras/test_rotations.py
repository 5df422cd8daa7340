"""Claims about rotations and orbit cameras."""

from __future__ import annotations

import math

import pytest
import torch

from gan3dinv_ns.cameras.rotations import (
    look_at,
    matrix_from_quaternion,
    orbit,
    quaternion_from_matrix,
    roll_of,
    rolled,
    rotation_angle,
    rotation_from_6d,
    so3_exp,
    so3_log,
    yaw_pitch,
)


def _axes(count: int = 20) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    axes = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(axes, dim=1)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 9e-5, 2e-4, 0.3, 2.0, math.pi - 1e-3, math.pi - 1e-7])
def test_log_inverts_exp(angle: float) -> None:
    vectors = _axes() * angle
    torch.testing.assert_close(so3_log(so3_exp(vectors)), vectors, atol=1e-8, rtol=1e-7)


def test_log_at_pi_is_one_of_the_two_axes() -> None:
    rotations = so3_exp(_axes() * math.pi)
    vectors = so3_log(rotations)
    torch.testing.assert_close(vectors.norm(dim=1), torch.full((20,), math.pi, dtype=torch.float64))
    torch.testing.assert_close(so3_exp(vectors), rotations)


def test_exp_inverts_log_for_cameras() -> None:
    rotations = orbit(torch.linspace(-3, 3, 9), torch.linspace(-1.5, 1.5, 9))[:, :3, :3]
    torch.testing.assert_close(so3_exp(so3_log(rotations)), rotations, atol=2e-6, rtol=0)


@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.5, 3.0])
def test_gradients_of_exp_and_log_match_finite_differences(angle: float) -> None:
    vectors = (_axes(3) * angle).requires_grad_()
    assert torch.autograd.gradcheck(so3_exp, (vectors,))
    assert torch.autograd.gradcheck(lambda v: so3_log(so3_exp(v)), (vectors,))


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1e-3, 1.0, math.pi - 1e-3, math.pi])
def test_rotation_angle_is_the_length_of_the_rotation_vector(angle: float) -> None:
    base = so3_exp(_axes())
    other = base @ so3_exp(_axes() * angle)
    torch.testing.assert_close(
        rotation_angle(base, other), torch.full((20,), angle, dtype=torch.float64), atol=1e-7, rtol=0
    )


def test_orbit_is_look_at_from_the_sphere() -> None:
    yaw, pitch = torch.linspace(-3, 3, 11), torch.linspace(-1.5, 1.5, 11)
    cameras = orbit(yaw, pitch, 2.0)
    torch.testing.assert_close(cameras[:, :3, 3].norm(dim=1), torch.full((11,), 2.0))
    torch.testing.assert_close(look_at(cameras[:, :3, 3]), cameras, atol=2e-6, rtol=0)


def test_orbit_angles_come_back() -> None:
    yaw, pitch = torch.linspace(-3, 3, 11), torch.linspace(-1.5, 1.5, 11)
    yaw_back, pitch_back = yaw_pitch(orbit(yaw, pitch)[:, :3, 3])
    torch.testing.assert_close(yaw_back, yaw, atol=1e-5, rtol=0)
    torch.testing.assert_close(pitch_back, pitch, atol=1e-3, rtol=0)


def test_positive_yaw_moves_right_and_positive_pitch_up() -> None:
    assert float(orbit(0.3, 0.0)[0, 0, 3]) > 0
    assert float(orbit(0.0, 0.3)[0, 1, 3]) > 0


def test_orbit_is_differentiable_at_the_pole() -> None:
    angles = torch.tensor([0.0, math.pi / 2], requires_grad=True)
    orbit(angles[0], angles[1]).square().sum().backward()
    assert angles.grad is not None and torch.isfinite(angles.grad).all()


def test_looking_straight_down_is_a_rotation() -> None:
    camera = look_at(torch.tensor([[0.0, 2.0, 0.0]]))
    torch.testing.assert_close(torch.linalg.det(camera[:, :3, :3]), torch.ones(1))


def test_camera_on_its_target_is_refused() -> None:
    with pytest.raises(ValueError, match="looks at"):
        look_at(torch.zeros(1, 3))


def test_six_numbers_make_a_rotation() -> None:
    rotation = rotation_from_6d(torch.randn(8, 6, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(8, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(8))


def test_a_rolled_camera_sees_its_picture_turned_anticlockwise() -> None:
    upright, turned = orbit(0.4, -0.2), rolled(orbit(0.4, -0.2), 0.3)
    point = torch.tensor([[0.1, 0.2, 0.3]])
    before, after = (
        ((point - camera[:, :3, 3])[:, None] @ camera[:, :3, :3])[0, 0, :2] for camera in (upright, turned)
    )
    angles = [math.atan2(-float(y), float(x)) for x, y in (before, after)]
    assert angles[1] - angles[0] == pytest.approx(0.3, abs=1e-5), "rows count downwards"
    torch.testing.assert_close(rolled(turned, -0.3), upright, atol=1e-6, rtol=0)


def test_quaternions_and_matrices_are_the_same_rotations() -> None:
    rotation = so3_exp(torch.randn(20, 3, generator=torch.Generator().manual_seed(2)) * 2)
    quaternion = quaternion_from_matrix(rotation)
    torch.testing.assert_close(matrix_from_quaternion(quaternion), rotation, atol=1e-5, rtol=0)
    torch.testing.assert_close(matrix_from_quaternion(-quaternion), rotation, atol=1e-5, rtol=0)


def test_the_roll_of_a_camera_is_what_rolled_gave_it() -> None:
    upright = orbit(torch.tensor([0.4, -1.0, 0.0]), torch.tensor([-0.2, 0.3, 0.0]))
    wanted = torch.tensor([0.3, -0.5, 2.0])
    torch.testing.assert_close(roll_of(rolled(upright, wanted)[:, :3, :3]), wanted)
    torch.testing.assert_close(roll_of(upright[:, :3, :3]), torch.zeros(3))
