"""Which density the visible surface has: measured on rays, because each generator has learned its own scale."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan3dinv_ns.export.density import EMPTY, PointField

_YAWS_RAD = (-0.4, 0.0, 0.4)
_RAYS = 24
_WIDTH = 0.5
"""Side of the square of parallel rays, as a part of the box's side."""
_COARSE, _FINE = 96, 16
_HALF_LIGHT = math.log(2)
_ENOUGH = 0.05


@torch.no_grad()
def surface_level(field: PointField) -> float:
    """The raw density at which a head is seen to have its surface.

    Parallel rays look at the face from three sides. On each, the point is found at which half of the light is lost,
    exp(-integral of softplus(sigma - 1)) = 1/2, which is where the depth in the generator's images lies; the median of
    the raw densities there is the level.

    Raises:
        ValueError: hardly anything on these rays is opaque.
    """
    origins, directions = _frontal_rays(field)
    side = field.box_side * math.sqrt(2)
    start = torch.full((len(origins),), -side / 2, device=field.device)
    nothing = torch.zeros_like(start)
    begin, lost, seen = _half_light_interval(field, origins, directions, start, side / _COARSE, _COARSE, nothing)
    if float(seen.float().mean()) < _ENOUGH:
        raise ValueError("the density is nearly transparent, so no surface can be found; give a density level")
    rays = origins[seen], directions[seen]
    fine = side / _COARSE / _FINE
    begin, _, crossed = _half_light_interval(field, *rays, begin[seen], fine, _FINE, lost[seen])
    points = rays[0] + (begin + fine / 2)[:, None] * rays[1]
    return float(_raw_density(field, points[crossed]).median())


def _frontal_rays(field: PointField) -> tuple[Tensor, Tensor]:
    """Points [M, 3] on planes through the middle of the box, and directions [M, 3] through them, towards the face."""
    across = torch.linspace(-0.5, 0.5, _RAYS) * _WIDTH * field.box_side
    right, up = (grid.reshape(-1) for grid in torch.meshgrid(across, across, indexing="ij"))
    none = torch.zeros_like(right)
    origins, directions = [], []
    for yaw in _YAWS_RAD:
        sine, cosine = math.sin(yaw), math.cos(yaw)
        origins.append(torch.stack([right * cosine, up, -right * sine], dim=1))
        directions.append(torch.stack([none - sine, none, none - cosine], dim=1))
    return torch.cat(origins).to(field.device), torch.cat(directions).to(field.device)


def _half_light_interval(
    field: PointField, origins: Tensor, directions: Tensor, start: Tensor, step: float, steps: int, lost: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """On which of `steps` intervals after `start` [M] half of the light is lost.

    Args:
        lost: optical depth [M] before `start`.

    Returns:
        start of that interval [M], optical depth before it [M], and whether there is such an interval [M].
    """
    distances = start[:, None] + step * torch.arange(steps + 1, device=start.device)
    points = origins[:, None] + distances[..., None] * directions[:, None]
    sigma = _raw_density(field, points.reshape(-1, 3)).reshape(distances.shape)
    depth = lost[:, None] + torch.cumsum(softplus((sigma[:, :-1] + sigma[:, 1:]) / 2 - 1) * step, dim=1)
    beyond = depth > _HALF_LIGHT
    first = beyond.int().argmax(dim=1, keepdim=True)
    before = torch.cat([lost[:, None], depth], dim=1).gather(1, first)[:, 0]
    return distances.gather(1, first)[:, 0], before, beyond.any(dim=1)


def _raw_density(field: PointField, points: Tensor) -> Tensor:
    """Raw densities [M], empty outside the box."""
    inside = (points.abs() <= field.box_side / 2).all(dim=1)
    sigma = torch.full((len(points),), EMPTY, device=points.device)
    sigma[inside] = field.query(points[inside])[1].reshape(-1).float()
    return sigma
