"""Rotations and orbit cameras.

Letters: R a rotation matrix, r = theta * axis its rotation vector, q = (w, x, y, z) a unit quaternion.
Yaw turns the camera around the head's vertical axis (positive: towards +x), pitch raises it (towards +y):

    position = radius * (sin yaw cos pitch, sin pitch, cos yaw cos pitch).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

RADIUS = 2.7
"""Distance of EG3D's cameras from the origin, in box units."""

_SMALL = 1e-4


def homogeneous(top: Tensor) -> Tensor:
    """Cameras ``[N, 3, 4]``, rotation and position, as matrices ``[N, 4, 4]``."""
    # The last row is made where the cameras are: one that is sent there makes a GPU finish its work first.
    bottom = torch.eye(4, dtype=top.dtype, device=top.device)[3:].expand(len(top), 1, 4)
    return torch.cat([top, bottom], dim=1)


def _pose_matrix(right: Tensor, down: Tensor, forward: Tensor, position: Tensor) -> Tensor:
    return homogeneous(torch.stack([right, down, forward, position], dim=-1))


def look_at(position: Tensor, target: Tensor | None = None, up: tuple[float, float, float] = (0.0, 1.0, 0.0)) -> Tensor:
    """Cameras at ``position [N, 3]`` that look at ``target`` (``[N, 3]`` or ``[3]``, default the origin).

    Looking exactly along ``up`` keeps the camera's right side at +x.

    Returns:
        ``camera_to_world [N, 4, 4]``, OpenCV camera axes.

    Raises:
        ValueError: if a camera sits on its target.
    """
    towards = -position if target is None else target.to(position) - position
    if bool((towards.norm(dim=1) < 1e-9).any()):
        raise ValueError("a camera sits on the point it looks at; move one of them.")
    forward = normalize(towards, dim=1)
    right = torch.linalg.cross(forward, position.new_tensor(up).expand_as(forward), dim=1)
    degenerate = right.norm(dim=1, keepdim=True) < 1e-6
    right = normalize(torch.where(degenerate, position.new_tensor([1.0, 0.0, 0.0]), right), dim=1)
    down = torch.linalg.cross(forward, right, dim=1)
    return _pose_matrix(right, down, forward, position)


def orbit(yaw_rad: float | Tensor, pitch_rad: float | Tensor, radius: float | Tensor = RADIUS) -> Tensor:
    """Cameras on a sphere around the origin, looking at it.

    Args:
        yaw_rad, pitch_rad: numbers or tensors ``[N]``; differentiable, also at the poles.
        radius: distance from the origin in box units.

    Returns:
        ``camera_to_world [N, 4, 4]``.
    """
    like = next((v for v in (yaw_rad, pitch_rad, radius) if isinstance(v, Tensor)), torch.zeros(1))
    values = [
        v.to(like) if isinstance(v, Tensor) else torch.full((1,), v, dtype=like.dtype, device=like.device)
        for v in (yaw_rad, pitch_rad, radius)
    ]
    yaw, pitch, distance = torch.broadcast_tensors(*(v.reshape(-1) for v in values))
    sin_yaw, cos_yaw, sin_pitch, cos_pitch = yaw.sin(), yaw.cos(), pitch.sin(), pitch.cos()
    outward = torch.stack([sin_yaw * cos_pitch, sin_pitch, cos_yaw * cos_pitch], dim=1)
    right = torch.stack([cos_yaw, torch.zeros_like(yaw), -sin_yaw], dim=1)
    down = torch.stack([sin_pitch * sin_yaw, -cos_pitch, sin_pitch * cos_yaw], dim=1)
    return _pose_matrix(right, down, -outward, outward * distance[:, None])


def looking_at_origin(rotation: Tensor, radius: float) -> Tensor:
    """Cameras ``[N, 4, 4]`` with rotations ``[N, 3, 3]`` that see the origin in the middle, from this distance."""
    right, down, forward = rotation.unbind(2)
    return _pose_matrix(right, down, forward, -radius * forward)


def shifted(camera_to_world: Tensor, translation: Tensor) -> Tensor:
    """Cameras ``[N, 4, 4]`` moved to their right and down by ``[N, 2]``, in the unit of their centres."""
    moved = camera_to_world.clone()
    moved[:, :3, 3] += (camera_to_world[:, :3, :2] @ translation[:, :, None])[:, :, 0]
    return moved


def centre_in_own_axes(camera_to_world: Tensor) -> Tensor:
    """How far cameras ``[N, 4, 4]`` are to their right, down and ahead of the origin, ``[N, 3]``."""
    return (camera_to_world[:, :3, :3].mT @ camera_to_world[:, :3, 3:])[:, :, 0]


def rolled(camera_to_world: Tensor, roll_rad: float | Tensor) -> Tensor:
    """Cameras ``[N, 4, 4]`` turned around their own viewing axis; what they see turns the other way, anticlockwise.

    Args:
        roll_rad: a number or ``[N]``; differentiable.
    """
    roll = torch.as_tensor(roll_rad, dtype=camera_to_world.dtype, device=camera_to_world.device)
    turn = so3_exp(torch.stack([torch.zeros_like(roll), torch.zeros_like(roll), roll], dim=-1).reshape(-1, 3))
    rotation = camera_to_world[:, :3, :3] @ turn
    return homogeneous(torch.cat([rotation, camera_to_world[:, :3, 3:].expand(len(rotation), -1, -1)], dim=2))


def yaw_pitch(direction: Tensor) -> tuple[Tensor, Tensor]:
    """Yaw and pitch ``[N]`` in radians of outward directions ``[N, 3]`` (any length, not zero)."""
    x, y, z = normalize(direction, dim=1).unbind(1)
    return torch.atan2(x, z), torch.asin(y.clamp(-1.0, 1.0))


def roll_of(rotation: Tensor) -> Tensor:
    """Roll ``[N]`` in radians of camera-to-world rotations ``[N, 3, 3]``; what :func:`rolled` gave an upright camera.

    An upright camera's right axis is level; rolled by r, right_y = sin(r) down_y and down_y shrinks by cos(r).
    """
    return torch.atan2(-rotation[:, 1, 0], -rotation[:, 1, 1])


def hat(vector: Tensor) -> Tensor:
    """Cross product matrices ``[N, 3, 3]`` of vectors ``[N, 3]``: hat(a) b = a x b."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(-1, 3, 3)


def so3_exp(rotation_vector: Tensor) -> Tensor:
    """Rotation matrices ``[N, 3, 3]`` of rotation vectors ``[N, 3]`` (Rodrigues), smooth through zero.

    R = I + (sin t / t) hat(r) + ((1 - cos t) / t^2) hat(r)^2 with t = |r|.
    """
    squared = rotation_vector.square().sum(dim=-1)
    small = squared < _SMALL**2
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    first = torch.where(small, 1.0 - squared / 6.0, angle.sin() / angle)
    second = torch.where(small, 0.5 - squared / 24.0, (1.0 - angle.cos()) / angle.square())
    cross = hat(rotation_vector)
    identity = torch.eye(3, dtype=cross.dtype, device=cross.device)
    return identity + first[:, None, None] * cross + second[:, None, None] * (cross @ cross)


def so3_log(rotation: Tensor) -> Tensor:
    """Rotation vectors ``[N, 3]`` with angles in [0, pi] of rotations ``[N, 3, 3]``; undoes :func:`so3_exp`.

    Goes through the quaternion, which keeps its precision near zero and near pi.
    """
    quaternion = quaternion_from_matrix(rotation)
    quaternion = torch.where(quaternion[:, :1] < 0, -quaternion, quaternion)
    scalar, vector = quaternion[:, :1], quaternion[:, 1:]
    squared = vector.square().sum(dim=1, keepdim=True)
    small = squared < _SMALL**2
    length = torch.where(small, torch.ones_like(squared), squared).sqrt()
    factor = torch.where(small, 2.0 / scalar.clamp_min(0.5), 2.0 * torch.atan2(length, scalar) / length)
    return vector * factor


def quaternion_from_matrix(rotation: Tensor) -> Tensor:
    """Unit quaternions ``[N, 4]`` (w, x, y, z) of rotation matrices ``[N, 3, 3]``.

    Each row of 4 q q^T gives the quaternion up to scale; the one with the largest diagonal is precise.
    """
    r = rotation
    w2 = 1 + r[:, 0, 0] + r[:, 1, 1] + r[:, 2, 2]
    x2 = 1 + r[:, 0, 0] - r[:, 1, 1] - r[:, 2, 2]
    y2 = 1 - r[:, 0, 0] + r[:, 1, 1] - r[:, 2, 2]
    z2 = 1 - r[:, 0, 0] - r[:, 1, 1] + r[:, 2, 2]
    wx, wy, wz = r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]
    xy, xz, yz = r[:, 1, 0] + r[:, 0, 1], r[:, 0, 2] + r[:, 2, 0], r[:, 2, 1] + r[:, 1, 2]
    rows = [w2, wx, wy, wz, wx, x2, xy, xz, wy, xy, y2, yz, wz, xz, yz, z2]
    table = torch.stack(rows, dim=1).reshape(-1, 4, 4)
    best = torch.stack([w2, x2, y2, z2], dim=1).argmax(dim=1)
    return normalize(table[torch.arange(len(table), device=table.device), best], dim=1)


def matrix_from_quaternion(quaternion: Tensor) -> Tensor:
    """Rotation matrices ``[N, 3, 3]`` of unit quaternions ``[N, 4]`` (w, x, y, z); q and -q give the same.

    R = I + 2 w hat(v) + 2 hat(v)^2 with v = (x, y, z).
    """
    cross = hat(quaternion[:, 1:])
    identity = torch.eye(3, dtype=cross.dtype, device=cross.device)
    return identity + 2 * quaternion[:, :1, None] * cross + 2 * cross @ cross


def rotation_angle(rotation_a: Tensor, rotation_b: Tensor) -> Tensor:
    """Angles ``[N]`` in radians, [0, pi], between rotations ``[N, 3, 3]``; precise at both ends.

    With D = Ra - Rb: |D| = 2 sqrt(2) sin(t / 2), and trace(Ra^T Rb) = 1 + 2 cos t. No gradient at zero.
    """
    half_sine = (rotation_a - rotation_b).flatten(1).norm(dim=1) / 8.0**0.5
    trace = (rotation_a * rotation_b).flatten(1).sum(dim=1)
    half_cosine = ((1.0 + trace).clamp_min(0.0) / 4.0).sqrt()
    return 2.0 * torch.atan2(half_sine, half_cosine)


def rotation_from_6d(columns: Tensor) -> Tensor:
    """Rotations ``[N, 3, 3]`` whose first two columns come from ``[N, 6]`` by Gram-Schmidt.

    Source: Zhou et al., "On the continuity of rotation representations in neural networks",
    CVPR 2019, section 4.1.
    """
    first = normalize(columns[:, :3], dim=1)
    second = columns[:, 3:]
    second = normalize(second - (first * second).sum(dim=1, keepdim=True) * first, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=1)], dim=2)
