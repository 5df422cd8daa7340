"""Points near surfaces of known depth, on a sphere of radius 0.3."""

from __future__ import annotations

import torch

from gan3dinv_ns.heads.supervision import Views
from gan3dinv_ns.heads.surface import SIGMA_SCALE, SurfacePoints, surface_losses, surface_points


def _points(views: Views) -> SurfacePoints:
    torch.manual_seed(0)
    return surface_points(views, 2.3, 3.1, stride=2, misses=50)


def _radii(truth: SurfacePoints) -> tuple[torch.Tensor, ...]:
    """Distances from the middle of the sphere of points on, behind, before the surface and beside it."""
    count = truth.hit.shape[1]
    groups = truth.points.norm(dim=-1).split([count, count, count, truth.missed.shape[1]], dim=1)
    return (*(group[truth.hit] for group in groups[:3]), groups[3][truth.missed])


def test_points_lie_on_behind_and_before_the_surface(views: Views) -> None:
    on, behind, before, beside = _radii(_points(views))
    assert float((on - 0.3).abs().max()) < 0.02
    assert float(behind.max()) < 0.3
    assert float(before.min()) > 0.3
    assert float(beside.min()) > 0.3


def test_the_lattice_carries_the_colours_of_its_pixels(views: Views) -> None:
    torch.manual_seed(0)
    noisy = Views(torch.rand_like(views.image), views.alpha, views.depth, views.label)
    truth = surface_points(noisy, 2.3, 3.1, stride=1)
    row, column = int(truth.pixels[0, 5]) // 32, int(truth.pixels[0, 5]) % 32
    assert truth.size == (32, 32)
    assert torch.equal(truth.rgb[0, 5], noisy.image[0, 0, :, row, column])


def test_a_true_field_owes_next_to_nothing(views: Views) -> None:
    truth = _points(views)
    solid = 10 * SIGMA_SCALE * (0.3 - truth.points.norm(dim=-1, keepdim=True)).sign()
    rgb = torch.full((*truth.points.shape[:2], 3), 0.25)
    losses = surface_losses(rgb, solid, truth)
    # The robust error of equal pictures is its softening, 0.01, here over the share of pixels that hit.
    assert float(losses["surface_rgb"]) < 0.011 / float(truth.hit.float().mean())
    assert float(losses["surface_detail"]) == 0
    assert float(losses["occupancy"]) < 1e-3


def test_a_false_shape_and_a_false_colour_are_told_apart(views: Views) -> None:
    truth = _points(views)
    right = 10 * SIGMA_SCALE * (0.3 - truth.points.norm(dim=-1, keepdim=True)).sign()
    grey = torch.full((*truth.points.shape[:2], 3), 0.25)
    shape = surface_losses(grey, -right, truth)
    colour = surface_losses(1 - grey, right, truth)
    assert float(shape["occupancy"]) > 1 and float(shape["surface_detail"]) == 0
    assert float(colour["occupancy"]) < 1e-3 and float(colour["surface_rgb"]) > 0.5


def test_padding_has_no_gradient(views: Views) -> None:
    truth = _points(views)
    hit = truth.hit.clone()
    hit[:, ::2] = False
    truth = SurfacePoints(truth.points, hit, truth.missed, truth.pixels, truth.rgb, truth.size)
    rgb = torch.rand(*truth.points.shape[:2], 3, requires_grad=True)
    surface_losses(rgb, torch.zeros(*rgb.shape[:2], 1), truth)["surface_rgb"].backward()
    assert rgb.grad is not None
    count = hit.shape[1]
    assert (rgb.grad[:, :count][~hit] == 0).all() and (rgb.grad[:, :count][hit] != 0).any()
