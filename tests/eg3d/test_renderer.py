"""Claims about where rays are sampled."""

from __future__ import annotations

import torch

from gan3dinv_ns.eg3d.renderer import _box_limits

SIDE = 1.0


def test_rays_are_followed_through_the_box() -> None:
    origins = torch.tensor([[[0.0, 0.0, -2.0], [0.2, 0.0, -2.0], [0.0, 0.0, 0.1]]])
    directions = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]])
    near, far = _box_limits(origins, directions, SIDE)
    torch.testing.assert_close(near[0, :, 0], torch.tensor([1.5, 1.5, 0.0]))
    torch.testing.assert_close(far[0, :, 0], torch.tensor([2.5, 2.5, 0.5]))


def test_a_ray_that_misses_takes_the_first_and_the_last_entry_of_the_others() -> None:
    origins = torch.tensor([[[0.0, 0.0, -2.0], [0.0, 0.0, -3.0], [9.0, 0.0, -2.0]]])
    directions = torch.tensor([0.0, 0.0, 1.0]).expand_as(origins)
    near, far = _box_limits(origins, directions, SIDE)
    assert (near[0, 2, 0], far[0, 2, 0]) == (1.5, 2.5)


def test_where_all_rays_miss_limits_are_finite_and_in_order() -> None:
    origins = torch.tensor([[[9.0, 0.0, -2.0], [8.0, 0.0, -2.0]]])
    near, far = _box_limits(origins, torch.tensor([0.0, 0.0, 1.0]).expand_as(origins), SIDE)
    assert torch.isfinite(near).all() and torch.isfinite(far).all() and bool((near < far).all())
