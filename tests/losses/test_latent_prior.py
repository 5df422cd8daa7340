"""The distribution of w."""

from __future__ import annotations

import math

import torch

from gan3dinv_ns.losses.latent_prior import LatentPrior


def _samples(count: int = 4000) -> torch.Tensor:
    """Latents [N, 32] that vary in 8 directions only, by very different amounts."""
    torch.manual_seed(0)
    directions = torch.linalg.qr(torch.randn(32, 8))[0]
    return 0.5 + (torch.randn(count, 8) * torch.linspace(0.5, 3, 8)) @ directions.T


def test_drawn_latents_are_one_deviation_from_the_mean_on_average() -> None:
    samples = _samples()
    prior = LatentPrior.fit(samples, samples.mean(dim=0))
    assert prior.dimensions == 8
    assert math.isclose(float(prior.loss(samples[:, None])), 1.0, rel_tol=0.02)
    assert float(prior.loss(samples.mean(dim=0)[None, None])) < 1e-8


def test_every_direction_counts_in_its_own_deviations() -> None:
    samples = _samples()
    prior = LatentPrior.fit(samples, samples.mean(dim=0))
    values, directions = torch.linalg.eigh(torch.cov(samples.T))
    moved = prior.mean + 2 * values[-8:].sqrt()[:, None] * directions[:, -8:].T
    losses = torch.stack([prior.loss(w[None, None]) for w in moved])
    assert torch.allclose(losses, torch.full((8,), 4 / 8), rtol=0.02)


def test_leaving_the_directions_of_the_samples_costs_more_than_staying() -> None:
    samples = _samples()
    prior = LatentPrior.fit(samples, samples.mean(dim=0))
    outside = torch.randn(32)
    inside = samples[0] - prior.mean
    outside = outside * inside.norm() / outside.norm()
    assert float(prior.loss((prior.mean + outside)[None, None])) > 3 * float(
        prior.loss((prior.mean + inside)[None, None])
    )


def test_deviation_is_that_of_the_samples() -> None:
    samples = _samples()
    expected = (samples - samples.mean(dim=0)).square().mean().sqrt()
    assert math.isclose(LatentPrior.fit(samples, samples.mean(dim=0)).deviation, float(expected), rel_tol=1e-4)


def test_descent_on_the_loss_ends_at_the_mean() -> None:
    samples = _samples()
    prior = LatentPrior.fit(samples, samples.mean(dim=0))
    w = samples[:1, None].clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        prior.loss(w).backward()
        optimizer.step()
    assert float(prior.loss(w.detach())) < 1e-3
