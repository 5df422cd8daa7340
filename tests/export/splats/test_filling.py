"""What no gaussian covers is filled."""

from __future__ import annotations

import torch

from gan3dinv_ns.export.splats.filling import fill_gaps
from gan3dinv_ns.export.splats.placing import gaussians_on_surface
from gan3dinv_ns.export.splats.rasteriser import rasterise

RADIUS = 0.25
YAWS = (-0.3, 0.0, 0.3)


def test_a_missing_half_is_put_back_where_it_was(ball_mesh, ball_views):
    whole, views = gaussians_on_surface(ball_mesh, 1500), ball_views(*YAWS, resolution=64)
    half = whole.taken(whole.means[:, 0] < 0)
    found = fill_gaps(half, views, 600)
    added = found.taken(torch.arange(len(half), len(found)))
    assert 50 < len(added) <= 600
    torch.testing.assert_close(added.means.norm(dim=1), torch.full((len(added),), RADIUS), atol=1e-4, rtol=0)
    assert added.means[:, 0].mean() > 0.05
    torch.testing.assert_close(added.colours, added.means / RADIUS / 2 + 0.5, atol=1e-4, rtol=0)
    before, after = (rasterise(each, views.labels[1:2], 64, torch.zeros(3))[1] for each in (half, found))
    right = views.solid()[1:2].clone()
    right[..., :36] = False
    assert before[right].mean() < 0.2 and after[right].mean() > 0.7


def test_no_more_are_added_than_are_wanted(ball_mesh, ball_views):
    whole, views = gaussians_on_surface(ball_mesh, 1500), ball_views(*YAWS)
    half = whole.taken(whole.means[:, 0] < 0)
    assert len(fill_gaps(half, views, 20)) <= len(half) + 20
    assert len(fill_gaps(half, views, 0)) == len(half)


def test_what_only_one_view_shows_is_not_filled(ball_mesh, ball_views):
    whole, views = gaussians_on_surface(ball_mesh, 1500), ball_views(*YAWS)
    views.opacities[0, 0, :3, :3] = 1
    views.distances[0, 0, :3, :3] = 2.6
    assert len(fill_gaps(whole, views, 600)) == len(whole)
