"""Balls as held-out heads, and a method that answers what it is told."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.eg3d.ray_sampler import sample_rays

SIDE, RENDERING_SIDE = 48, 12
BALL_RADIUS = 0.35


def label_of(yaw: float, pitch: float) -> Tensor:
    return camera_label(orbit(yaw, pitch), intrinsics_matrix())


def plain_picture(labels: Tensor, resolution: int, offset: float = 0.0) -> Tensor:
    """Pictures [N, 3, r, r] of one colour, which tells the camera's yaw and pitch."""
    yaw, pitch = yaw_pitch(split_label(labels)[0][:, :3, 3])
    colour = torch.stack([yaw / 2, pitch / 2, torch.zeros_like(yaw)], dim=1) + offset
    return colour[:, :, None, None].expand(-1, 3, resolution, resolution)


def ball_depth(labels: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Depth (0: nothing hit) and coverage [N, 1, r, r] of a ball around the origin."""
    origins, directions = sample_rays(*split_label(labels), resolution)
    along = -(origins * directions).sum(-1)
    inside = BALL_RADIUS**2 - (origins.square().sum(-1) - along.square())
    hit = inside > 0
    depth = torch.where(hit, along - inside.clamp_min(0).sqrt(), torch.zeros(()))
    shape = (len(labels), 1, resolution, resolution)
    return depth.reshape(shape), hit.float().reshape(shape)


@dataclass(frozen=True)
class Ball:
    """A head of which everything is known."""

    name: str
    label: Tensor
    kind: str = "ball"

    @property
    def photo(self) -> Tensor:
        return plain_picture(self.label, SIDE)

    def photos(self, count: int) -> Tensor:
        return self.photo.expand(count, -1, -1, -1)

    def render(self, labels: Tensor, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
        return plain_picture(labels, resolution), *ball_depth(labels, resolution)


@dataclass(frozen=True)
class Told:
    """Finds the camera it was given, colours that are off by ``offset``, and depths that are off by ``shift``."""

    label: Tensor
    offset: float = 0.0
    shift: float = 0.0

    def render(self, label: Tensor) -> dict[str, Tensor]:
        depth, weights = ball_depth(label, RENDERING_SIDE)
        image = plain_picture(label, SIDE, self.offset)
        return {"image": image, "image_depth": depth + self.shift, "image_weights": weights}


@pytest.fixture
def label():
    """From yaw and pitch in radians to a camera [1, 25]."""
    return label_of


@pytest.fixture
def ball():
    """From a name and a camera to a held-out head."""
    return Ball


@pytest.fixture
def told():
    """From a camera, an offset of the colours and a shift of the depth to a finished inversion."""
    return Told
