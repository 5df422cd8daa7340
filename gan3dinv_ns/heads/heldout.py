"""Photos of heads that no generator has been trained on, each with its true camera and a function that renders it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit, rolled
from gan3dinv_ns.heads.attributes import HeadAttributes, draw_attributes
from gan3dinv_ns.heads.geometry import HeadGeometry, build_geometry
from gan3dinv_ns.heads.render import render_geometry
from gan3dinv_ns.heads.template import HeadTemplate
from gan3dinv_ns.heads.unfamiliar import unfamiliar_head

HeldoutSet = Literal["heads", "heads-out-of-family"]

FIRST_UNSEEN_SEED = 900_000
"""Training takes seeds below this."""
IN_FAMILY = "in family"
YAW_LIMIT_RAD = 0.5
PITCH_LIMIT_RAD = 0.25
_POSE_STREAM = 2


@dataclass(frozen=True)
class PhotographedHead:
    """A head of which everything is known.

    Attributes:
        name: its seed.
        kind: "in family", or what is unfamiliar about it.
        photo: [1, 3, R, R] in [-1, 1], on white.
        label: [1, 25] camera of the photo.
        attributes, geometry: what it is drawn from.
    """

    name: str
    kind: str
    photo: Tensor
    label: Tensor
    attributes: HeadAttributes
    geometry: HeadGeometry

    def photos(self, count: int) -> Tensor:
        """[count, 3, R, R]: the photo, and further ones from cameras that the seed chooses; count is at least 1."""
        cameras = [_random_camera(int(self.name), _POSE_STREAM + index) for index in range(1, count)]
        labels = [camera_label(camera, intrinsics_matrix()) for camera, _ in cameras]
        further = [self.render(label, self.photo.shape[-1])[0] for label in labels]
        return torch.cat([self.photo, *further])

    def render(self, labels: Tensor, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
        """What cameras see.

        Args:
            labels: [N, 25].
            resolution: side r in pixels.

        Returns:
            images [N, 3, r, r] in [-1, 1] on white, depth [N, 1, r, r] along the unit rays in box units (0: nothing
            hit) and coverage [N, 1, r, r] in 0 to 1.
        """
        return _render(self.geometry, self.attributes, labels, resolution)


def check_choice(seed: int, count: int, roll: float, photos: int = 1) -> None:
    """Refuses a choice of held-out photos that cannot be had.

    Raises:
        ValueError: seed or roll is out of range, or there are no heads or no photos of them.
    """
    if count < 1:
        raise ValueError(f"count {count} is too small; give 1 or more")
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; give {FIRST_UNSEEN_SEED} or more for unseen heads")
    if photos < 1:
        raise ValueError(f"{photos} photos of each head are too few; give 1 or more")
    if not 0 <= roll <= math.pi:
        raise ValueError(f"roll {roll} is outside of 0 to pi; give radians, such as 0.3")


def photograph(
    template: HeadTemplate, dataset: HeldoutSet, seed: int, resolution: int, roll: float = 0.0
) -> PhotographedHead:
    """The head of a seed, photographed from a camera that the seed chooses too.

    Args:
        template: see :func:`~gan3dinv_ns.heads.template.load_template`.
        dataset: "heads" draws them as for training, "heads-out-of-family" adds something that training never shows.
        seed: not negative.
        resolution: side of the photo in pixels.
        roll: the camera is turned around its viewing axis by up to this to both sides, radians.

    Raises:
        ValueError: the seed is negative, or the template lacks a part.
    """
    if dataset == "heads":
        kind, attributes = IN_FAMILY, draw_attributes(seed)
        geometry = build_geometry(template, attributes)
    else:
        head = unfamiliar_head(template, seed)
        kind, attributes, geometry = head.kind, head.attributes, head.geometry
    label = photo_label(seed, roll)
    photo = _render(geometry, attributes, label, resolution)[0]
    return PhotographedHead(str(seed), kind, photo, label, attributes, geometry)


def photo_label(seed: int, roll: float = 0.0) -> Tensor:
    """Camera [1, 25] of a seed's photo: uniform in yaw (0.5 rad to both sides), pitch (0.25 rad) and roll."""
    camera, random = _random_camera(seed, _POSE_STREAM)
    turn = float(random.uniform(-1, 1)) * roll
    return camera_label(rolled(camera, turn) if roll > 0 else camera, intrinsics_matrix())


def _random_camera(seed: int, stream: int) -> tuple[Tensor, np.random.Generator]:
    """A camera [1, 4, 4] without roll, and the random numbers that follow."""
    random = np.random.Generator(np.random.PCG64([seed, stream]))
    yaw, pitch = random.uniform(-1, 1, 2) * (YAW_LIMIT_RAD, PITCH_LIMIT_RAD)
    return orbit(float(yaw), float(pitch)), random


def _render(
    geometry: HeadGeometry, attributes: HeadAttributes, labels: Tensor, resolution: int
) -> tuple[Tensor, Tensor, Tensor]:
    return render_geometry(geometry, attributes, split_label(labels.cpu())[0].numpy(), resolution).tensors()
