"""Small changes of a camera that looks at a head, as a person at a slider thinks of them.

With R the rotation and c the centre of a camera, Y(a) a turn around the world's vertical axis and X(b), Z(g) turns
around axes of the camera,

    R' = Y(yaw) R X(pitch) Z(roll),     c' = Y(yaw) R X(pitch) R^T c + R' (right, down, 0),

so yaw and pitch carry the camera around the head and keep the head where it is in the picture, roll turns the picture,
and the shift moves it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.cameras.rotations import homogeneous, so3_exp


def nudged(
    camera_to_world: Tensor,
    yaw_rad: float = 0.0,
    pitch_rad: float = 0.0,
    roll_rad: float = 0.0,
    right_box: float = 0.0,
    down_box: float = 0.0,
) -> Tensor:
    """Cameras ``[N, 4, 4]`` moved a little.

    Args:
        camera_to_world: ``[N, 4, 4]``, OpenCV axes.
        yaw_rad: around the head, to the head's left.
        pitch_rad: around the head, upwards.
        roll_rad: around the view direction.
        right_box, down_box: the camera's shift in its own image plane, box units.

    Returns:
        ``[N, 4, 4]``; differentiable with respect to the cameras.
    """
    rotation, centre = camera_to_world[:, :3, :3], camera_to_world[:, :3, 3:]
    yaw = so3_exp(rotation.new_tensor([[0.0, yaw_rad, 0.0]]))
    carried = yaw @ rotation @ so3_exp(rotation.new_tensor([[-pitch_rad, 0.0, 0.0]]))
    turned = carried @ so3_exp(rotation.new_tensor([[0.0, 0.0, roll_rad]]))
    shift = turned @ rotation.new_tensor([[[right_box], [down_box], [0.0]]])
    return homogeneous(torch.cat([turned, carried @ rotation.mT @ centre + shift], dim=2))
