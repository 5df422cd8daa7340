"""Gaussians are fitted to views of a ball."""

from __future__ import annotations

import torch

from gan3dinv_ns.export.splats.fitting import fit_gaussians
from gan3dinv_ns.export.splats.measuring import compare, comparison_picture
from gan3dinv_ns.export.splats.placing import gaussians_on_surface

YAWS = (-0.6, -0.3, -0.1, 0.1, 0.3, 0.6)


def test_views_that_were_not_fitted_become_like_the_truth(ball_mesh, ball_views):
    start, held_out = gaussians_on_surface(ball_mesh, 500), ball_views(-0.45, 0.0, 0.45)
    views = ball_views(*YAWS)
    found = fit_gaussians(start, views, views.background(), steps=150)
    before, after = (compare(each, held_out, views.background()) for each in (start, found))
    for better, worse in ((after.psnr_db, before.psnr_db), (after.psnr_head_db, before.psnr_head_db)):
        assert all(one > other + 4 for one, other in zip(better, worse, strict=True))
    assert min(after.psnr_db) > 20
    assert comparison_picture(after, held_out).shape == (1, 3, 3 * 32, 3 * 32)


def test_what_faces_no_camera_stays_as_it_was(ball_mesh, ball_views):
    start = gaussians_on_surface(ball_mesh, 400)
    views = ball_views(*YAWS)
    found = fit_gaussians(start, views, views.background(), steps=20)
    assert len(found) == len(start)
    behind, before = start.means[:, 2] < -0.2, start.means[:, 2] > 0
    for name, value in start.tensors().items():
        assert torch.equal(found.tensors()[name][behind], value[behind])
        assert (found.tensors()[name] != value)[before].float().mean() > 0.9
    assert found.colours.min() >= 0 and found.colours.max() <= 1


def test_without_steps_they_stay_where_they_start(ball_mesh, ball_views):
    start, views = gaussians_on_surface(ball_mesh, 200), ball_views(0.0)
    found = fit_gaussians(start, views, views.background(), steps=0)
    for name, value in start.tensors().items():
        assert torch.equal(found.tensors()[name], value)


def test_invisible_ones_are_left_out(ball_mesh, ball_views):
    start, views = gaussians_on_surface(ball_mesh, 200), ball_views(0.0)
    start.opacity_logits[:50] = -9
    assert len(fit_gaussians(start, views, views.background(), steps=0)) == len(start) - 50
