"""What the host decides for a step; all else in it happens on the device, which need not be waited for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from gan3dinv_ns.inversion.schedule import PhasePoint

if TYPE_CHECKING:
    from gan3dinv_ns.inversion.state import Inversion

_NEAREST_SIDE, _FARTHEST_SIDE = 0.3, 1.0
"""How far the views are turned away from the photo's in which tuning shall change little, radians."""

_DRAWS = 8


class StepInputs(NamedTuple):
    """The numbers of a step, ``[]`` each, on the inversion's device.

    Attributes:
        latent_noise: standard deviation of the noise on the latent.
        side_yaw, side_pitch: of the camera from beside, see :func:`draw_side`; radians.
    """

    latent_noise: Tensor
    side_yaw: Tensor
    side_pitch: Tensor


def step_inputs(inversion: Inversion, step: int) -> StepInputs:
    """The numbers of a step; draws from the host's random numbers where the step needs a side.

    Raises:
        ValueError: if the step lies outside of the schedule.
    """
    point = inversion.schedule.phase_at(step)
    losses = {loss for plan in point.phase.plans for loss in plan.losses}
    noise = _latent_noise(inversion, point) if "latent" in point.phase.groups else 0.0
    yaw, pitch = draw_side(inversion.yaws_and_pitches) if "sides" in losses else (0.0, 0.0)
    # Not waited for: a GPU goes on with what it was asked for before.
    return StepInputs(*torch.tensor([noise, yaw, pitch]).to(inversion.w.device, non_blocking=True))


def _latent_noise(inversion: Inversion, point: PhasePoint) -> float:
    """It fades as the phase goes on (the noise ramp of StyleGAN2's projector)."""
    settings = inversion.settings
    ramp = max(0.0, 1.0 - point.fraction / max(settings.latent_noise_ramp, 1e-6))
    return inversion.latent_prior.deviation * settings.latent_noise * ramp**2


def draw_side(cameras: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Yaw and pitch in radians of a random camera that looks at the head from beside a photo's.

    The photos' own surroundings are left to the photos: the camera is turned away from one of them by `_NEAREST_SIDE`
    at least, and from all of them if one of a few draws is.

    Args:
        cameras: yaw and pitch of the photos' cameras in radians.
    """
    best, farthest = (0.0, 0.0), -1.0
    for _ in range(_DRAWS):
        share, coin = torch.rand(2).tolist()
        away = (_NEAREST_SIDE + (_FARTHEST_SIDE - _NEAREST_SIDE) * share) * (1.0 if coin < 0.5 else -1.0)
        chosen = cameras[0] if len(cameras) == 1 else cameras[torch.randint(len(cameras), (1,)).tolist()[0]]
        drawn = (chosen[0] + away, chosen[1])
        nearest = min(math.dist(drawn, camera) for camera in cameras)
        if nearest > farthest:
            best, farthest = drawn, nearest
        if nearest >= _NEAREST_SIDE - 1e-6:
            break
    return best
