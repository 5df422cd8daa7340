"""A camera that is optimised through the weights of the pose estimator instead of its own numbers.

Ko et al.'s published code moves the camera this way: the photo's pose is P(photo), and P is what learns.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from gan3dinv_ns.cameras.poses import CameraPose
from gan3dinv_ns.encoders import PoseEstimator


class EstimatorPose(CameraPose):
    """rotation = P(photo) T with T a constant turn that puts the camera where it is to start.

    Args:
        estimator: P; copied.
        photo: ``[K, 3, R, R]``, one for each camera.
        radius: see :class:`~gan3dinv_ns.cameras.poses.CameraPose`.

    Attributes:
        estimator: the copy, whose weights are parameters.
        turn: ``[K, 3, 3]`` buffer, T.
    """

    photo: Tensor
    turn: Tensor

    def __init__(self, estimator: PoseEstimator, photo: Tensor, radius: float) -> None:
        super().__init__(radius, len(photo))
        self.estimator = copy.deepcopy(estimator).eval().requires_grad_(True)
        self.register_buffer("photo", photo, persistent=False)
        self.register_buffer("turn", torch.eye(3).repeat(len(photo), 1, 1))

    def rotation(self) -> Tensor:
        return self.estimator(self.photo).rotation @ self.turn

    def set_rotation(self, rotation: Tensor) -> None:
        """Exact for every rotation."""
        with torch.no_grad():
            self.turn.copy_(self.estimator(self.photo).rotation.mT @ rotation)
