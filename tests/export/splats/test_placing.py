"""Gaussians on a known surface."""

from __future__ import annotations

import torch

from gan3dinv_ns.export.splats.placing import gaussians_on_surface
from gan3dinv_ns.export.splats.rasteriser import rasterise

RADIUS = 0.25


def test_they_are_flat_discs_on_the_surface_in_its_colours(ball_mesh):
    gaussians = gaussians_on_surface(ball_mesh, 600)
    assert 500 < len(gaussians) <= 600
    torch.testing.assert_close(gaussians.means.norm(dim=1), torch.full((len(gaussians),), RADIUS), atol=2e-3, rtol=0)
    axes, outward = gaussians.axes(), gaussians.means / RADIUS
    thin = axes.norm(dim=1).argmin(dim=1)
    assert (thin == 2).all()
    assert (torch.nn.functional.normalize(axes[:, :, 2], dim=1) * outward).sum(1).abs().min() > 0.98
    assert torch.allclose(gaussians.colours, torch.tensor(128 / 255))


def test_they_nearly_close_the_surface(ball_mesh, label_at):
    gaussians = gaussians_on_surface(ball_mesh, 4000)
    opacity = rasterise(gaussians, label_at(0.0).float(), 64, torch.zeros(3))[1]
    assert opacity[..., 16:48, 16:48].mean() > 0.9


def test_the_same_seed_places_the_same(ball_mesh):
    first, second = (gaussians_on_surface(ball_mesh, 200, seed=4) for _ in range(2))
    assert torch.equal(first.means, second.means)
