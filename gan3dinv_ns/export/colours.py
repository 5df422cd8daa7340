"""Colours of a surface, as a camera would see them: each vertex is looked at along its normal, and the short
ray is volume-rendered with EG3D's quadrature (NeRF, Mildenhall et al. 2020, eq. 3, at the midpoints of the
samples)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan3dinv_ns.export.density import PointField, Progress

_VERTICES_AT_ONCE = 1 << 13
_SAMPLES = 20
_FROM = -0.01
_TO = 0.03
"""The ray starts outside and ends inside, both as a part of the box's side."""


@torch.no_grad()
def surface_colours(
    field: PointField, vertices: np.ndarray, normals: np.ndarray, progress: Progress | None = None
) -> np.ndarray:
    """Renders the colour that each vertex shows to an eye on its normal.

    Args:
        field: the head.
        vertices: [V, 3] in box units.
        normals: [V, 3] outward unit normals.
        progress: told after each chunk.

    Returns:
        [V, 3] uint8. What the ray does not meet within its length is left out of the mean, so that no
        background shows through.
    """
    offsets = torch.linspace(_FROM, _TO, _SAMPLES + 1, device=field.device) * field.box_side
    colours = np.empty((len(vertices), 3), dtype=np.uint8)
    for start in range(0, len(vertices), _VERTICES_AT_ONCE):
        chunk = slice(start, start + _VERTICES_AT_ONCE)
        origin = torch.from_numpy(vertices[chunk]).to(field.device)
        inward = -torch.from_numpy(normals[chunk]).to(field.device)
        rgb = _short_rays(field, origin, inward, offsets)
        colours[chunk] = (rgb.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        if progress is not None:
            progress(min(1.0, (start + _VERTICES_AT_ONCE) / len(vertices)))
    return colours


def _short_rays(field: PointField, origin: Tensor, direction: Tensor, offsets: Tensor) -> Tensor:
    """Colours [M, 3] of rays from `origin` [M, 3] along `direction` [M, 3] at distances `offsets` [S + 1]."""
    points = origin[:, None] + direction[:, None] * offsets[:, None]
    limit = field.box_side / 2
    rgb, sigma = field.query(points.clamp(-limit, limit).reshape(-1, 3))
    rgb, sigma = rgb.reshape(*points.shape[:2], -1), sigma.reshape(points.shape[:2])
    density = softplus((sigma[:, :-1] + sigma[:, 1:]) / 2 - 1)
    passed = torch.exp(-torch.cumsum(density * offsets.diff(), dim=1))
    passed = torch.cat([torch.ones_like(passed[:, :1]), passed], dim=1)
    weight = passed[:, :-1] - passed[:, 1:]
    colour = (rgb[:, :-1] + rgb[:, 1:]) / 2
    return (weight[..., None] * colour).sum(1) / weight.sum(1, keepdim=True).clamp_min(1e-8)
