"""Analytic heads: raw densities whose surfaces are known exactly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.export.density import PointField

LEVEL = 10.0
STEEPNESS = 400.0


def ball_density(points: Tensor, centre: tuple[float, float, float], radius: float) -> Tensor:
    """Raw density that is `LEVEL` on the sphere and grows linearly inwards."""
    return LEVEL + STEEPNESS * (radius - (points - torch.tensor(centre)).norm(dim=-1))


def left_red_right_blue(points: Tensor) -> Tensor:
    """[M, 3] colours: red where x < 0, blue elsewhere."""
    return torch.where(points[:, :1] < 0, torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0]))


@pytest.fixture
def make_field() -> Callable[..., PointField]:
    """Builds a two-coloured field from a density function; the box has side 1."""

    def build(density: Callable[[Tensor], Tensor], box_side: float = 1.0) -> PointField:
        return PointField(lambda p: (left_red_right_blue(p), density(p)), box_side, torch.device("cpu"))

    return build


@pytest.fixture
def ball() -> Callable[..., Tensor]:
    return ball_density
