"""Pictures of gaussians, against the formulas pixel by pixel."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.projection import project_gaussians
from gan3dinv_ns.export.splats.rasteriser import LEAST_ALPHA, MOST_ALPHA, rasterise

GREEN = torch.tensor([0.2, 0.9, 0.3], dtype=torch.float64)


def every_pixel_and_every_gaussian(
    gaussians: Gaussians, label: Tensor, side: int, background: Tensor
) -> tuple[Tensor, Tensor]:
    """The picture [1, 3, H, W] and opacity [1, 1, H, W] by the definition, without tiles or lists."""
    seen = project_gaussians(gaussians, label, side)
    place = torch.arange(side, dtype=torch.float64) + 0.5
    y, x = torch.meshgrid(place, place, indexing="ij")
    colour, passing = torch.zeros(side, side, 3, dtype=torch.float64), torch.ones(side, side, 1, dtype=torch.float64)
    for k in seen.depths.argsort().tolist():
        xx, xy, yy = seen.covariances[k]
        inverse = torch.linalg.inv(torch.stack([xx, xy, xy, yy]).reshape(2, 2))
        offset = torch.stack([x, y], dim=-1) - seen.means[k]
        exponent = -0.5 * torch.einsum("hwi,ij,hwj->hw", offset, inverse, offset)
        alpha = (seen.log_opacities[k].exp() * exponent.exp())[..., None].clamp_max(MOST_ALPHA)
        alpha = torch.where(alpha < LEAST_ALPHA, 0.0, alpha)
        colour = colour + passing * alpha * gaussians.colours[k]
        passing = passing * (1 - alpha)
    picture = colour + passing * background
    return picture.permute(2, 0, 1)[None], (1 - passing).permute(2, 0, 1)[None]


def test_one_gaussian_is_its_projected_ellipse(label_at):
    sigma = 0.02
    one = Gaussians(
        means=torch.zeros(1, 3, dtype=torch.float64),
        log_scales=torch.full((1, 3), math.log(sigma), dtype=torch.float64),
        quaternions=torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64),
        opacity_logits=torch.zeros(1, dtype=torch.float64),
        colours=GREEN[None],
    )
    picture, opacity = rasterise(one, label_at(0.0, pitch=0.0), 64, torch.zeros(3, dtype=torch.float64), False)
    # A ball of that size in the middle, at distance 2.7, by a focal length of 4.2647 picture widths.
    variance = (64 * 4.2647 * sigma / 2.7) ** 2 + 0.3
    place = torch.arange(64, dtype=torch.float64) + 0.5 - 32
    expected = 0.5 * torch.exp(-(place[:, None] ** 2 + place**2) / (2 * variance))
    expected = torch.where(expected < LEAST_ALPHA, 0.0, expected)
    torch.testing.assert_close(opacity[0, 0], expected)
    torch.testing.assert_close(picture[0], expected * GREEN[:, None, None])


@pytest.mark.parametrize("side", [32, 45])
def test_tiles_give_what_compositing_every_gaussian_in_every_pixel_gives(make_gaussians, label_at, side):
    gaussians, label = make_gaussians(150, spread=0.2), label_at(0.5)
    found = rasterise(gaussians, label, side, GREEN)
    expected = every_pixel_and_every_gaussian(gaussians, label, side, GREEN)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-10)


def test_single_precision_is_precise_enough(make_gaussians, label_at):
    gaussians, label = make_gaussians(500, size=0.01), label_at(0.5)
    exact = rasterise(gaussians, label, 64, GREEN)[0]
    single = Gaussians(**{name: value.float() for name, value in gaussians.tensors().items()})
    # Few pixels have an alpha so close to 1/255 that rounding decides.
    difference = (rasterise(single, label, 64, GREEN.float())[0] - exact).abs()
    assert float(difference.max()) < 2 * LEAST_ALPHA and float(difference.mean()) < 1e-5


def test_order_of_the_gaussians_does_not_matter(make_gaussians, label_at):
    gaussians, label = make_gaussians(80), label_at(0.2)
    shuffled = gaussians.taken(torch.randperm(80, generator=torch.Generator().manual_seed(3)))
    torch.testing.assert_close(rasterise(gaussians, label, 32, GREEN)[0], rasterise(shuffled, label, 32, GREEN)[0])


def test_gradients_are_those_of_finite_differences(make_gaussians, label_at):
    gaussians, label = make_gaussians(4, size=0.06, spread=0.05), label_at(0.3)
    names, values = zip(*gaussians.tensors().items(), strict=True)

    def render(background: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        return rasterise(Gaussians(**dict(zip(names, tensors, strict=True))), label, 10, background)

    assert torch.autograd.gradcheck(render, [each.clone().requires_grad_() for each in (GREEN, *values)])


def test_the_nearer_one_hides_the_farther_one(make_gaussians, label_at):
    far = replace(make_gaussians(1, size=0.1), means=torch.zeros(1, 3, dtype=torch.float64))
    near = replace(far, means=far.means + torch.tensor([0, 0, 0.3]), colours=GREEN[None])
    far, near = (replace(each, opacity_logits=each.opacity_logits * 0 + 9) for each in (far, near))
    both = Gaussians(**{name: torch.cat([value, near.tensors()[name]]) for name, value in far.tensors().items()})
    picture = rasterise(both, label_at(0.0, pitch=0.0), 17, torch.zeros(3, dtype=torch.float64))[0]
    torch.testing.assert_close(picture[0, :, 8, 8], GREEN, atol=0.05, rtol=0)


def test_without_gaussians_in_view_there_is_only_background(make_gaussians, label_at):
    gaussians = make_gaussians(10)
    behind_the_camera = replace(gaussians, means=gaussians.means + torch.tensor([0.0, 0.0, 5.0]))
    for unseen in (behind_the_camera, gaussians.taken(torch.zeros(10, dtype=torch.bool))):
        picture, opacity = rasterise(unseen, label_at(0.0), 16, GREEN)
        assert torch.equal(picture, GREEN[None, :, None, None].expand(1, 3, 16, 16)) and not opacity.any()
