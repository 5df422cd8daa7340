from __future__ import annotations

import torch
import torch.nn.functional as F

from gan3dinv_ns.eg3d.marcher import expected_depth, interval_weights, sample_weights


def test_constant_density_gives_exponential_absorption():
    depths = torch.linspace(0, 2, 200)[None]
    sigma = torch.full_like(depths, 1.5)
    opacity = interval_weights(sigma, depths).sum()
    torch.testing.assert_close(opacity, 1 - torch.exp(-2 * F.softplus(torch.tensor(0.5))))


def test_weights_are_the_product_form():
    torch.manual_seed(0)
    depths, sigma = torch.rand(5, 9).sort().values, torch.randn(5, 9) * 5
    alpha = 1 - torch.exp(-F.softplus((sigma[:, 1:] + sigma[:, :-1]) / 2 - 1) * depths.diff())
    transmitted = torch.cumprod(torch.cat([torch.ones(5, 1), 1 - alpha], dim=1), dim=1)[:, :-1]
    torch.testing.assert_close(interval_weights(sigma, depths), alpha * transmitted)


def test_weighing_samples_is_weighing_the_middles():
    torch.manual_seed(0)
    weights, colours = torch.rand(5, 8), torch.rand(5, 9)
    middles = 0.5 * (colours[:, 1:] + colours[:, :-1])
    torch.testing.assert_close((sample_weights(weights) * colours).sum(1), (weights * middles).sum(1))


def test_a_wall_is_seen_where_it_stands():
    depths = torch.linspace(1, 3, 101)[None]
    sigma = torch.where(depths < 2, -50.0, 1e4)
    weights = interval_weights(sigma, depths)
    assert abs(expected_depth(weights, depths).item() - 2) < 0.02
    assert abs(weights.sum().item() - 1) < 1e-6


def test_an_empty_ray_has_infinite_depth_and_finite_gradients():
    sigma = torch.full((1, 5), -1e9, requires_grad=True)
    depths = torch.linspace(1, 2, 5)[None]
    depth = expected_depth(interval_weights(sigma, depths), depths)
    assert depth.isinf().all()
    depth.clamp(1, 2).sum().backward()
    assert sigma.grad.isfinite().all()


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    sigma = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    depths = torch.rand(2, 6, dtype=torch.float64).sort().values.requires_grad_()

    def render(s, t):
        weights = interval_weights(s, t)
        return weights, sample_weights(weights), expected_depth(weights, t)

    assert torch.autograd.gradcheck(render, (sigma, depths))


def test_depth_has_finite_gradients_where_almost_nothing_is_met() -> None:
    sigma = torch.tensor([[-95.0, -95.0, -95.0], [-1e4, -1e4, -1e4], [3.0, 3.0, 3.0]], requires_grad=True)
    depths = torch.tensor([2.0, 2.5, 3.0]).expand(3, -1)
    depth = expected_depth(interval_weights(sigma, depths), depths)
    depth.clamp(2.0, 3.0).square().sum().backward()
    assert sigma.grad is not None and torch.isfinite(sigma.grad).all()
