"""The one place where conventions meet.

``label``
    What EG3D's networks take: 25 numbers, ``camera_to_world`` (16, row-major, OpenCV camera axes:
    x right, y down, z forward) followed by the ``intrinsics`` (9, row-major, normalised by the image size).
``nerfstudio``
    Cameras ``[N, 3, 4]`` with OpenGL axes (x right, y up, z backward) in a world with z up; images are
    HWC in [0, 1].

The head's face looks along +z with y up in our world; in nerfstudio's world it looks along +y with z up.
(`ns-render spiral` takes a camera's back, in the world, for its up: along -y it would turn the head over.)
Lengths are the same in both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.cameras.rotations import homogeneous

LABEL_SIZE = 25

_OURS_TO_NERFSTUDIO_WORLD = ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
_FLIP_Y_AND_Z = (1.0, -1.0, -1.0)


def camera_label(camera_to_world: Tensor, intrinsics: Tensor) -> Tensor:
    """Pack cameras into EG3D labels.

    Args:
        camera_to_world: ``[N, 4, 4]``, OpenCV camera axes.
        intrinsics: ``[N, 3, 3]`` or ``[1, 3, 3]``, normalised by the image size.

    Returns:
        ``[N, 25]``; differentiable with respect to both.

    Raises:
        ValueError: if the shapes are others.
    """
    if camera_to_world.ndim != 3 or camera_to_world.shape[1:] != (4, 4):
        raise ValueError(f"camera_to_world must be [N, 4, 4], not {list(camera_to_world.shape)}.")
    if intrinsics.ndim != 3 or intrinsics.shape[1:] != (3, 3):
        raise ValueError(f"intrinsics must be [N, 3, 3], not {list(intrinsics.shape)}.")
    count = camera_to_world.shape[0]
    intrinsics = intrinsics.to(camera_to_world).expand(count, 3, 3)
    return torch.cat([camera_to_world.reshape(count, 16), intrinsics.reshape(count, 9)], dim=1)


def split_label(label: Tensor) -> tuple[Tensor, Tensor]:
    """Unpack EG3D labels ``[N, 25]`` into ``camera_to_world [N, 4, 4]`` and ``intrinsics [N, 3, 3]``.

    Raises:
        ValueError: if the label does not hold 25 numbers per camera.
    """
    if label.ndim != 2 or label.shape[1] != LABEL_SIZE:
        raise ValueError(f"a camera label must be [N, {LABEL_SIZE}], not {list(label.shape)}.")
    return label[:, :16].reshape(-1, 4, 4), label[:, 16:].reshape(-1, 3, 3)


def to_nerfstudio(camera_to_world: Tensor) -> Tensor:
    """Our cameras ``[N, 4, 4]`` as nerfstudio's ``[N, 3, 4]``; the inverse of :func:`from_nerfstudio`."""
    world = camera_to_world.new_tensor(_OURS_TO_NERFSTUDIO_WORLD)
    flip = camera_to_world.new_tensor(_FLIP_Y_AND_Z)
    rotation = world @ camera_to_world[:, :3, :3] * flip
    return torch.cat([rotation, world @ camera_to_world[:, :3, 3:]], dim=2)


def from_nerfstudio(camera_to_world: Tensor) -> Tensor:
    """nerfstudio's cameras ``[N, 3, 4]`` (or ``[N, 4, 4]``) as ours ``[N, 4, 4]``."""
    world = camera_to_world.new_tensor(_OURS_TO_NERFSTUDIO_WORLD).T
    flip = camera_to_world.new_tensor(_FLIP_Y_AND_Z)
    rotation = world @ camera_to_world[:, :3, :3] * flip
    return homogeneous(torch.cat([rotation, world @ camera_to_world[:, :3, 3:4]], dim=2))


def points_to_nerfstudio(points: Tensor) -> Tensor:
    """Points ``[..., 3]`` of our world in nerfstudio's (z up)."""
    return points @ points.new_tensor(_OURS_TO_NERFSTUDIO_WORLD).T


def points_from_nerfstudio(points: Tensor) -> Tensor:
    """Points ``[..., 3]`` of nerfstudio's world in ours; the inverse of :func:`points_to_nerfstudio`."""
    return points @ points.new_tensor(_OURS_TO_NERFSTUDIO_WORLD)


def image_to_hwc01(image: Tensor) -> Tensor:
    """One image ``[1, C, H, W]`` in [-1, 1] as ``[H, W, C]`` in [0, 1] (not clamped)."""
    return image[0].permute(1, 2, 0) * 0.5 + 0.5


def image_from_hwc01(image: Tensor) -> Tensor:
    """One image ``[H, W, C]`` in [0, 1] as ``[1, C, H, W]`` in [-1, 1]; undoes :func:`image_to_hwc01`."""
    return (image * 2.0 - 1.0).permute(2, 0, 1)[None]
