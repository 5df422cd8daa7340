from __future__ import annotations

import torch

from gan3dinv_ns.eg3d.ray_sampler import sample_rays


def rays(c, resolution):
    return sample_rays(c[:, :16].reshape(-1, 4, 4), c[:, 16:].reshape(-1, 3, 3), resolution)


def test_rays_start_at_the_camera_with_unit_length(frontal):
    origins, directions = rays(frontal, 4)
    assert origins.shape == directions.shape == (1, 16, 3)
    torch.testing.assert_close(origins[0, 5], torch.tensor([0.0, 0.0, 2.7]))
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(1, 16))


def test_middle_pixel_looks_at_the_face(frontal):
    torch.testing.assert_close(rays(frontal, 3)[1][0, 4], torch.tensor([0.0, 0.0, -1.0]))


def test_rows_go_down_and_columns_to_the_right(frontal):
    directions = rays(frontal, 2)[1][0]
    assert directions[0, 0] < 0 < directions[1, 0]
    assert directions[2, 1] < 0 < directions[0, 1]


def test_corner_pixels_are_at_the_angle_of_the_focal_length(frontal):
    direction = rays(frontal, 4)[1][0, 0]
    torch.testing.assert_close(direction[0] / direction[2], torch.tensor(0.375 / 4.2647))


def test_skew_shifts_rows(frontal):
    skewed = frontal.clone()
    skewed[:, 17] = 0.5
    moved = rays(skewed, 2)[1][0] - rays(frontal, 2)[1][0]
    assert moved[:2, 0].min() > 0 and moved[2:, 0].max() < 0


def test_gradients_reach_the_camera(frontal):
    c = frontal.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: rays(x, 2), (c,))
