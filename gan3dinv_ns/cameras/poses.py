"""Camera poses that can be optimised.

Every pose is a rotation R (camera to world), a translation t in the camera's own image plane and a fixed
radius:

    camera_to_world = [R | R (t_x, t_y, -radius)],

so that with t = 0 the camera looks at the origin from the distance ``radius``, and t moves the head across
the picture without changing its size. Ko et al. call t the "additional coordinate variance on the camera
position" (supplementary material, A.1 and B.2) and show that without it the rotation cannot converge on
cropped photos.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from gan3dinv_ns.cameras.rotations import RADIUS, centre_in_own_axes, homogeneous, orbit, rotation_from_6d, yaw_pitch


class CameraPose(nn.Module, ABC):
    """K cameras, one unless said otherwise, whose rotations and image-plane translations are parameters.

    Attributes:
        translation: ``[K, 2]`` parameter, box units: how far the camera moved to its right and down.
        radius: ``[K]`` buffer, distance from the origin along the view direction, box units.
    """

    translation: nn.Parameter
    radius: Tensor

    def __init__(self, radius: float = RADIUS, count: int = 1) -> None:
        super().__init__()
        if not radius > 0:
            raise ValueError(f"the radius of a camera pose must be positive, not {radius}.")
        self.translation = nn.Parameter(torch.zeros(count, 2))
        self.register_buffer("radius", torch.full((count,), float(radius)))

    @classmethod
    def from_camera_to_world(cls, camera_to_world: Tensor) -> CameraPose:
        """The pose nearest to a camera ``[4, 4]`` or ``[1, 4, 4]`` (exact where the rotation can be
        expressed).

        Raises:
            ValueError: if the camera looks away from the origin.
        """
        pose = cls().to(camera_to_world.device)
        pose.place(camera_to_world)
        return pose

    @torch.no_grad()
    def place(self, camera_to_world: Tensor) -> None:
        """Take over cameras ``[K, 4, 4]``, radius included, as far as their rotations can be expressed.

        Raises:
            ValueError: if a camera looks away from the origin.
        """
        camera_to_world = camera_to_world.detach().reshape(-1, 4, 4)
        centre = centre_in_own_axes(camera_to_world)
        if float(-centre[:, 2].max()) <= 0:
            raise ValueError("the camera looks away from the head; turn it towards the origin.")
        self.set_rotation(camera_to_world[:, :3, :3])
        self.translation.copy_(centre[:, :2])
        self.radius.copy_(-centre[:, 2])

    @abstractmethod
    def rotation(self) -> Tensor:
        """Camera-to-world rotations ``[K, 3, 3]``, differentiable with respect to the parameters."""

    @abstractmethod
    def set_rotation(self, rotation: Tensor) -> None:
        """Take over rotations ``[K, 3, 3]`` as far as they can be expressed."""

    def forward(self) -> Tensor:
        """``camera_to_world [K, 4, 4]``, OpenCV camera axes."""
        rotation = self.rotation()
        centre = torch.cat([self.translation, -self.radius[:, None]], dim=1)[:, :, None]
        return homogeneous(torch.cat([rotation, rotation @ centre], dim=2))

    def yaw_pitch(self, camera: int = 0) -> tuple[float, float]:
        """Yaw and pitch in radians of one camera's view direction."""
        return self.yaws_and_pitches()[camera]

    @torch.no_grad()
    def yaws_and_pitches(self) -> list[tuple[float, float]]:
        """Yaw and pitch in radians of all cameras' view directions."""
        yaws, pitches = torch.stack(yaw_pitch(-self.rotation()[:, :, 2])).tolist()
        return list(zip(yaws, pitches, strict=True))


class EulerPose(CameraPose):
    """Yaw and pitch, never a roll: the choice for faces, whose photos are cropped upright."""

    def __init__(self, yaw_rad: float = 0.0, pitch_rad: float = 0.0, radius: float = RADIUS, count: int = 1) -> None:
        super().__init__(radius, count)
        self.angles = nn.Parameter(torch.tensor([[float(yaw_rad), float(pitch_rad)]]).repeat(count, 1))

    def rotation(self) -> Tensor:
        return orbit(self.angles[:, 0], self.angles[:, 1])[:, :3, :3]

    def set_rotation(self, rotation: Tensor) -> None:
        """Keep the view direction; a roll around it is dropped."""
        with torch.no_grad():
            self.angles.copy_(torch.stack(yaw_pitch(-rotation[:, :, 2]), dim=1))


class SixDPose(CameraPose):
    """Any rotation, as the first two columns of its matrix (Zhou et al., CVPR 2019): for photos with a
    roll.
    """

    def __init__(self, yaw_rad: float = 0.0, pitch_rad: float = 0.0, radius: float = RADIUS, count: int = 1) -> None:
        super().__init__(radius, count)
        self.columns = nn.Parameter(torch.zeros(count, 6))
        self.set_rotation(orbit(yaw_rad, pitch_rad)[:, :3, :3].expand(count, 3, 3))

    def rotation(self) -> Tensor:
        return rotation_from_6d(self.columns)

    def set_rotation(self, rotation: Tensor) -> None:
        """Exact for every rotation."""
        with torch.no_grad():
            self.columns.copy_(rotation[:, :, :2].mT.reshape(-1, 6))


POSES: dict[str, type[CameraPose]] = {"euler": EulerPose, "sixd": SixDPose}
"""Parametrizations by the name that settings use."""
