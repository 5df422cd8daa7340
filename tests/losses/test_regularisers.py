"""Claims about depth smoothness and the regularisation of noise."""

from __future__ import annotations

import torch

from gan3dinv_ns.losses.depth_smoothness import depth_smoothness
from gan3dinv_ns.losses.noise import noise_regularization, normalize_noise


def test_constant_depth_is_smooth() -> None:
    assert float(depth_smoothness(torch.full((1, 1, 8, 8), 2.7))) == 0


def test_rough_depth_costs_more_than_a_slope() -> None:
    slope = torch.linspace(2.5, 2.9, 16).expand(1, 1, 16, 16)
    rough = slope + 0.1 * torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert 0 < float(depth_smoothness(slope)) < float(depth_smoothness(rough))


def test_slope_costs_its_squared_step() -> None:
    slope = (0.1 * torch.arange(8.0)).expand(1, 1, 8, 8)
    torch.testing.assert_close(depth_smoothness(slope), torch.tensor(0.01))
    torch.testing.assert_close(depth_smoothness(slope, torch.ones(1, 1, 8, 8)), torch.tensor(0.01))


def test_step_to_the_background_is_free() -> None:
    depth, weights = torch.full((1, 1, 8, 8), 3.3), torch.zeros(1, 1, 8, 8)
    depth[..., :4], weights[..., :4] = 2.5, 1.0
    assert float(depth_smoothness(depth, weights)) == 0
    assert float(depth_smoothness(depth)) > 0


def test_descent_flattens_the_depth() -> None:
    depth = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = depth_smoothness(depth)
    before.backward()
    assert depth.grad is not None
    assert float(depth_smoothness(depth.detach() - 0.5 * depth.grad)) < float(before)


def test_white_noise_costs_less_than_smooth_noise() -> None:
    white = torch.randn(32, 32, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(white[None, None], 5, 1, 2)[0, 0]
    smooth = smooth / smooth.std()
    assert float(noise_regularization([white])) < 0.1 * float(noise_regularization([smooth]))


def test_no_maps_cost_nothing() -> None:
    assert float(noise_regularization([])) == 0


def test_regularisation_whitens() -> None:
    source = torch.Generator().manual_seed(0)
    noise = torch.nn.functional.avg_pool2d(torch.randn(1, 1, 32, 32, generator=source), 3, 1, 1)[0, 0]
    noise = (noise / noise.std()).requires_grad_()
    before = float(noise_regularization([noise]))
    optimizer = torch.optim.Adam([noise], lr=0.05)
    for _ in range(20):
        optimizer.zero_grad()
        noise_regularization([noise]).backward()
        optimizer.step()
        normalize_noise([noise])
    assert float(noise_regularization([noise])) < 0.3 * before


def test_normalised_noise_has_mean_zero_and_variance_one() -> None:
    noise = torch.randn(16, 16) * 3 + 2
    normalize_noise([noise])
    torch.testing.assert_close(noise.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(noise.square().mean(), torch.tensor(1.0), atol=1e-4, rtol=0)
