"""Which density the visible surface has: measured on rays, because each generator has learned its own scale."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan3dinv_ns.export.density import EMPTY, PointField

_YAWS_RAD = (-0.4, 0.0, 0.4)
_RAYS = 32
_STEPS = 256
_HALF_LIGHT = math.log(2)
_ENOUGH = 0.01
_CANDIDATES = 65
_MISSED = 0.3
"""What a ray costs that only one of surface and image stops, as a part of the box's side: the background is far off."""


@torch.no_grad()
def surface_level(field: PointField) -> float:
    """The raw density at which a head is seen to have its surface.

    Parallel rays look at the face from three sides. On each, the point is found at which half of the light is lost,
    exp(-integral of softplus(sigma - 1)) = 1/2, which is where the depth in the generator's images lies. The level is
    the one whose surface is met there: the sum over the rays of the distance between both points, or of a large one
    where one of them is missing, is least. So the outline counts as well as the depth: ears and hair do not reach the
    density that the face has.

    Raises:
        ValueError: hardly anything on these rays is opaque.
    """
    origins, directions = _frontal_rays(field)
    length = field.box_side * math.sqrt(2)
    step = length / _STEPS
    distances = torch.arange(_STEPS + 1, device=field.device) * step - length / 2
    points = origins[:, None] + distances[:, None] * directions[:, None]
    sigma = _raw_density(field, points.reshape(-1, 3)).reshape(points.shape[:2])
    depth = torch.cumsum(softplus((sigma[:, :-1] + sigma[:, 1:]) / 2 - 1) * step, dim=1)
    seen = _first_crossing(torch.cat([torch.zeros_like(depth[:, :1]), depth], dim=1), _HALF_LIGHT)
    opaque = seen.isfinite()
    if float(opaque.float().mean()) < _ENOUGH:
        raise ValueError("the density is nearly transparent, so no surface can be found; give a density level")
    there = _raw_density(field, origins[opaque] + (seen[opaque, None] * step - length / 2) * directions[opaque])
    lowest, highest = there.quantile(torch.tensor([0.02, 0.98], device=field.device))
    levels = torch.lerp(1 + (lowest - 1) / 4, highest, torch.linspace(0, 1, _CANDIDATES, device=field.device))
    missed = _MISSED * field.box_side / step
    errors = torch.stack([_distance(_first_crossing(sigma, float(level)), seen, missed) for level in levels])
    return float(levels[errors.argmin()])


def _first_crossing(values: Tensor, level: float) -> Tensor:
    """Where each row of values [M, S + 1] first exceeds a level, in steps, linear between two; infinite if nowhere."""
    beyond = values > level
    after = beyond.int().argmax(dim=1, keepdim=True).clamp_min(1)
    low, high = values.gather(1, after - 1)[:, 0], values.gather(1, after)[:, 0]
    part = ((level - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    return torch.where(beyond.any(dim=1), after[:, 0] - 1 + part, torch.inf)


def _distance(found: Tensor, seen: Tensor, missed: float) -> Tensor:
    """Mean distance of two places on each ray: `missed` where only one is there, 0 where neither is."""
    apart = (found - seen).abs().clamp_max(missed)
    return torch.where(found.isinf() & seen.isinf(), 0.0, apart).mean()


def _frontal_rays(field: PointField) -> tuple[Tensor, Tensor]:
    """Points [M, 3] on planes through the middle of the box, and directions [M, 3] through them, towards the face."""
    across = ((torch.arange(_RAYS) + 0.5) / _RAYS - 0.5) * field.box_side
    right, up = (grid.reshape(-1) for grid in torch.meshgrid(across, across, indexing="ij"))
    none = torch.zeros_like(right)
    origins, directions = [], []
    for yaw in _YAWS_RAD:
        sine, cosine = math.sin(yaw), math.cos(yaw)
        origins.append(torch.stack([right * cosine, up, -right * sine], dim=1))
        directions.append(torch.stack([none - sine, none, none - cosine], dim=1))
    return torch.cat(origins).to(field.device), torch.cat(directions).to(field.device)


def _raw_density(field: PointField, points: Tensor) -> Tensor:
    """Raw densities [M], empty outside the box."""
    inside = (points.abs() <= field.box_side / 2).all(dim=1)
    sigma = torch.full((len(points),), EMPTY, device=points.device)
    sigma[inside] = torch.cat([field.query(part)[1].reshape(-1).float() for part in points[inside].split(1 << 17)])
    return sigma
