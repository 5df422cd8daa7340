"""Closed paths of a camera around a head.

A path turns its first camera rigidly around the origin, in which the head sits: with M(yaw, pitch) the upright camera
of :func:`~gan3dinv_ns.cameras.rotations.orbit`, camera k is

    C_k = M(yaw_0 + a_k, pitch_0 + b_k) M(yaw_0, pitch_0)^-1 C_0.

So the head stays where the first picture has it, at the same distance, and a camera that is rolled or shifted, as those
of photos are, stays so. Frame k of n has the phase t_k = 2 pi k / n: frame n would be frame 0 again, and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gan3dinv_ns.cameras.rotations import homogeneous, orbit, yaw_pitch

CameraPath = Callable[[Tensor, int], Tensor]
"""The first camera ``[1, 4, 4]`` and the number n of frames give all cameras ``[n, 4, 4]``."""

NOD_RAD = 0.25
"""How far :func:`nod` raises and lowers the camera."""

SWAY_YAW_RAD, SWAY_PITCH_RAD = 0.35, 0.15
"""How far :func:`sway` goes to the sides (as EG3D's `gen_videos.py` does), and up and down."""


def turned(camera_to_world: Tensor, yaw_rad: Tensor, pitch_rad: Tensor) -> Tensor:
    """A camera, moved around the origin.

    Args:
        camera_to_world: ``[1, 4, 4]``, anywhere but in the origin.
        yaw_rad, pitch_rad: by how much, ``[N]``; a yaw of a whole turn changes nothing.

    Returns:
        ``[N, 4, 4]``.
    """
    yaw, pitch = yaw_pitch(camera_to_world[:, :3, 3])
    before = orbit(yaw, pitch)[:, :3, :3]
    after = orbit(yaw + yaw_rad.to(yaw), pitch + pitch_rad.to(pitch))[:, :3, :3]
    return homogeneous((after @ before.mT) @ camera_to_world[:, :3])


def turntable(camera_to_world: Tensor, count: int) -> Tensor:
    """Once around the head, at an even speed; towards +x first. See :data:`CameraPath`."""
    phase = _phases(count)
    return turned(camera_to_world, phase, torch.zeros_like(phase))


def nod(camera_to_world: Tensor, count: int) -> Tensor:
    """Up, down and back: b = 0.25 sin t. See :data:`CameraPath`."""
    phase = _phases(count)
    return turned(camera_to_world, torch.zeros_like(phase), NOD_RAD * phase.sin())


def sway(camera_to_world: Tensor, count: int) -> Tensor:
    """A lying figure of eight with the first camera in its middle: a = 0.35 sin t, b = 0.15 sin 2t. See
    :data:`CameraPath`."""
    phase = _phases(count)
    return turned(camera_to_world, SWAY_YAW_RAD * phase.sin(), SWAY_PITCH_RAD * (2 * phase).sin())


CAMERA_PATHS: dict[str, CameraPath] = {"turntable": turntable, "nod": nod, "sway": sway}
"""All paths by name."""


def _phases(count: int) -> Tensor:
    """The phases t ``[count]`` of the frames, in [0, 2 pi)."""
    return torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
