"""The pose estimator P: a first guess of the camera from a photo (Ko et al., section 3.1, and supplement, A.1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan3dinv_ns.cameras.rotations import matrix_from_quaternion, orbit, quaternion_from_matrix, rotation_from_6d
from gan3dinv_ns.encoders.config import PoseEstimatorConfig
from gan3dinv_ns.encoders.residual import ResidualTrunk, shrink_photo

_HIDDEN = 128
_TRANSLATION = 2


class EstimatedPose(NamedTuple):
    """Where photos were taken from.

    Attributes:
        rotation: ``[N, 3, 3]`` camera to world.
        translation: ``[N, 2]`` how far the camera moved to its right and down, box units (see ``cameras.poses``).
    """

    rotation: Tensor
    translation: Tensor


class PoseEstimator(nn.Module):
    """Photo [N, 3, R, R] in [-1, 1] -> rotation and translation of its camera; an untrained one says: from the front.

    Attributes:
        config: its sizes, and how it speaks of rotations.
        front: buffer, the numbers of the front camera in that way.
    """

    front: Tensor

    def __init__(self, config: PoseEstimatorConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("front", _front(config), persistent=False)
        outputs = len(self.front) + _TRANSLATION
        if config.trunk == "small":
            features = config.channels[-1] * (config.side // 16) ** 2
            self.trunk: nn.Module = ResidualTrunk(config.channels)
            last = nn.Linear(_HIDDEN, outputs)
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(features, _HIDDEN), nn.ReLU(), last)
        else:
            self.trunk, features = _resnet_34()
            last = nn.Linear(features, outputs)
            self.head = nn.Sequential(last)
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()

    def forward(self, photo: Tensor) -> EstimatedPose:
        numbers = self.head(self.trunk(shrink_photo(photo, self.config.side)))
        rotation, translation = numbers.split([len(self.front), _TRANSLATION], dim=1)
        return EstimatedPose(self._matrix(self.front + rotation), translation)

    def _matrix(self, numbers: Tensor) -> Tensor:
        if self.config.rotation == "angles":
            return orbit(numbers[:, 0], numbers[:, 1])[:, :3, :3]
        if self.config.rotation == "sixd":
            return rotation_from_6d(numbers)
        return matrix_from_quaternion(F.normalize(numbers, dim=1))


def _front(config: PoseEstimatorConfig) -> Tensor:
    rotation = orbit(0.0, 0.0)[:, :3, :3]
    if config.rotation == "angles":
        return torch.zeros(2)
    if config.rotation == "sixd":
        return rotation[:, :, :2].mT.reshape(6)
    return quaternion_from_matrix(rotation)[0]


def _resnet_34() -> tuple[nn.Module, int]:
    """torchvision's ResNet-34, untrained, cut before its last layer, and the number of its features."""
    from torchvision.models import resnet34

    network = resnet34(weights=None)
    features = network.fc.in_features
    network.fc = nn.Identity()
    return network, features
