"""Volume rendering along rays, composited at the middles of the intervals between samples.

Letters: t_i depths, sigma_i densities before the activation, c_i colours of S sorted samples of a ray;
delta_i = t_{i+1} - t_i, tau_i = softplus((sigma_i + sigma_{i+1}) / 2 - 1) delta_i the optical depth of interval i,
w_i = (1 - exp(-tau_i)) exp(-sum_{j<i} tau_j) its weight (Max 1995; EG3D's "MipRayMarcher2").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MEETS_NOTHING = 1e-8
"""Opacity of a ray that meets nothing."""


def interval_weights(sigma: Tensor, depths: Tensor) -> Tensor:
    """w_i [..., S-1] for densities sigma [..., S] at sorted depths [..., S]; their sum is the opacity, at most 1."""
    middle = F.softplus(0.5 * (sigma[..., :-1] + sigma[..., 1:]) - 1.0)
    tau = middle * (depths[..., 1:] - depths[..., :-1])
    before = F.pad(torch.cumsum(tau[..., :-1], dim=-1), (1, 0))
    return -torch.expm1(-tau) * torch.exp(-before)


def sample_weights(weights: Tensor) -> Tensor:
    """v_i = (w_{i-1} + w_i) / 2 [..., S] of weights [..., S-1].

    sum_i w_i (c_i + c_{i+1}) / 2 = sum_i v_i c_i: with v the colours need not be averaged, nor sorted.
    """
    return 0.5 * (F.pad(weights, (0, 1)) + F.pad(weights, (1, 0)))


def expected_depth(weights: Tensor, depths: Tensor) -> Tensor:
    """Mean depth of the interval middles [..., 1] under the weights; infinite where a ray meets nothing.

    An opacity below MEETS_NOTHING counts as nothing: the gradient of a mean over it would overflow.
    """
    opacity = weights.sum(dim=-1, keepdim=True)
    return mean_depth((sample_weights(weights) * depths).sum(dim=-1, keepdim=True), opacity)


def mean_depth(total: Tensor, opacity: Tensor) -> Tensor:
    """sum_i v_i t_i / sum_i w_i of both sums [..., 1], see `expected_depth`."""
    hit = opacity > MEETS_NOTHING
    mean = total / torch.where(hit, opacity, torch.ones_like(opacity))
    return torch.where(hit, mean, torch.full_like(mean, torch.inf))
