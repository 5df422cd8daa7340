"""The generator's own pictures, to which gaussians are fitted and with which they are compared."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.export.density import Progress
from gan3dinv_ns.export.head import Head
from gan3dinv_ns.export.unseen import PITCH_LIMIT_RAD, YAW_LIMIT_RAD

HELD_OUT_YAWS_RAD = (-0.5, 0.0, 0.5)
"""Level views that no gaussians are fitted to: on these they are measured."""
_YAWS, _PITCHES = 10, 3
_TRANSPARENT = 0.01
_SOLID = 0.5


@dataclass(frozen=True)
class Views:
    """Pictures of one head by the generator.

    Attributes:
        labels: cameras [V, 25].
        pictures: [V, 3, R, R] in [0, 1], super-resolved.
        opacities: [V, 1, R, R] in [0, 1], those of the volume rendering, enlarged.
        distances: [V, 1, R, R] along the rays in box units, enlarged too.
    """

    labels: Tensor
    pictures: Tensor
    opacities: Tensor
    distances: Tensor

    @property
    def resolution(self) -> int:
        """R."""
        return self.pictures.shape[-1]

    def solid(self) -> Tensor:
        """Where the head is rather than the background: flags [V, 1, R, R]."""
        return self.opacities > _SOLID

    def background(self) -> Tensor:
        """The median colour [3] of what is transparent, in all views together; white where nothing is."""
        behind = self.pictures.movedim(1, 0)[:, (self.opacities < _TRANSPARENT)[:, 0]]
        return behind.median(dim=1).values if behind.shape[1] else torch.ones_like(self.pictures[0, :, 0, 0])


def fitted_labels(head: Head) -> Tensor:
    """Cameras [V, 25] to fit to: 10 x 3 yaws and pitches as in the training of heads, and those of the photos.

    The yaws are -0.6, -0.47, -0.33, -0.2, -0.07, ... so that none is one of `HELD_OUT_YAWS_RAD`.
    """
    yaws = torch.linspace(-YAW_LIMIT_RAD, YAW_LIMIT_RAD, _YAWS)
    pitches = torch.linspace(-PITCH_LIMIT_RAD, PITCH_LIMIT_RAD, _PITCHES)
    yaw, pitch = (grid.reshape(-1) for grid in torch.meshgrid(yaws, pitches, indexing="ij"))
    return torch.cat([head.labels[: head.photos], _around(head, yaw, pitch)])


def held_out_labels(head: Head) -> Tensor:
    """Cameras [3, 25] at `HELD_OUT_YAWS_RAD`."""
    yaw = torch.tensor(HELD_OUT_YAWS_RAD)
    return _around(head, yaw, torch.zeros_like(yaw))


def _around(head: Head, yaw: Tensor, pitch: Tensor) -> Tensor:
    """Cameras [N, 25] that look at the head's middle, with the intrinsics of the head's first one."""
    poses = orbit(yaw, pitch, head.generator.rendering.avg_camera_radius).to(head.labels)
    return camera_label(poses, split_label(head.labels[:1])[1])


@torch.no_grad()
def look_at_head(head: Head, labels: Tensor, progress: Progress | None = None) -> Views:
    """Lets the generator draw a head from cameras [V, 25], one after the other."""
    pictures, opacities, distances = [], [], []
    for done, label in enumerate(labels.split(1), start=1):
        seen = head.seen_from(label)
        pictures.append(seen["image"].clamp(-1, 1) * 0.5 + 0.5)
        size = pictures[-1].shape[-2:]
        opacities.append(interpolate(seen["image_weights"], size=size, mode="bilinear").clamp(0, 1))
        distances.append(interpolate(seen["image_depth"], size=size, mode="nearest"))
        if progress is not None:
            progress(done / len(labels))
    return Views(labels, torch.cat(pictures), torch.cat(opacities), torch.cat(distances))
