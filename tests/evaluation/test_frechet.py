"""The Frechet distance against its closed form, and features that are the same for everyone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan3dinv_ns.evaluation.frechet import RandomConvolutions, features_of, frechet_distance


def normal(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, size)))


def whitened(count: int, size: int, seed: int = 0) -> torch.Tensor:
    """Rows whose mean is exactly 0 and whose covariance is exactly the identity."""
    rows = normal(count, size, seed)
    rows = rows - rows.mean(dim=0)
    return rows @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(rows.T))).T


def test_equal_sets_are_at_distance_zero():
    rows = normal(50, 8)
    assert frechet_distance(rows, rows.flip(0)) == pytest.approx(0, abs=1e-9)


def test_distance_is_symmetric():
    first, second = normal(50, 8), 2 * normal(70, 8, seed=1) + 1
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def test_gaussians_with_commuting_covariances_have_the_closed_form():
    base, spread, shift = whitened(100, 3), torch.tensor([0.5, 2.0, 3.0]).double(), torch.tensor([1.0, 0, -2]).double()
    expected = float(shift.square().sum() + (spread - 1).square().sum())
    assert frechet_distance(base, base * spread + shift) == pytest.approx(expected, rel=1e-9)


def test_general_covariances_agree_with_the_matrix_square_root():
    from scipy.linalg import sqrtm

    first, second = normal(60, 5) @ normal(5, 5, seed=2), normal(60, 5, seed=1) @ normal(5, 5, seed=3)
    s, t = np.cov(first.numpy(), rowvar=False), np.cov(second.numpy(), rowvar=False)
    apart = np.square((first.mean(0) - second.mean(0)).numpy()).sum()
    expected = apart + np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_few_and_many_pictures_have_the_same_formula():
    """Fewer pictures than features take another way to the same number: repeated features only stretch it."""
    first, second = normal(12, 9), 2 * normal(14, 9, seed=1) + 1
    many = frechet_distance(first, second)
    assert frechet_distance(first.repeat(1, 4), second.repeat(1, 4)) == pytest.approx(4 * many, rel=1e-9)


@pytest.mark.parametrize("count", [20, 80])
def test_the_distance_is_that_of_torchmetrics(count: int):
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Flat(torch.nn.Module):
        num_features = 48

        def forward(self, pictures):
            return pictures.flatten(1).float()

    random = torch.Generator().manual_seed(0)
    sets = [torch.randint(0, top, (count, 3, 4, 4), generator=random, dtype=torch.uint8) for top in (256, 200)]
    theirs = FrechetInceptionDistance(feature=Flat()).set_dtype(torch.float64)
    for pictures, real in zip(sets, (True, False), strict=True):
        theirs.update(pictures, real=real)
    ours = frechet_distance(*(pictures.flatten(1) for pictures in sets))
    assert ours == pytest.approx(float(theirs.compute()), rel=1e-3)


def test_fewer_pictures_than_features_give_a_finite_distance():
    assert 0 < frechet_distance(normal(5, 40), normal(5, 40, seed=1)) < 200


@pytest.mark.parametrize(("first", "second"), [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5,), (5,))])
def test_sets_that_cannot_be_compared_are_refused(first, second):
    with pytest.raises(ValueError, match=r"features must be|at least two"):
        frechet_distance(torch.zeros(first), torch.zeros(second))


def test_random_convolutions_are_the_same_on_every_call():
    pictures = (torch.arange(2 * 3 * 32 * 32) % 251).reshape(2, 3, 32, 32).to(torch.uint8)
    torch.manual_seed(1)
    first = features_of(pictures, RandomConvolutions())
    torch.manual_seed(2)
    assert torch.equal(first, features_of(pictures, RandomConvolutions()))
    assert first.shape == (2, 320) and first.isfinite().all()


def test_random_filters_are_orthonormal():
    for filters in RandomConvolutions().filters:
        rows = filters.detach().flatten(1)
        torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), rtol=0, atol=1e-5)


def test_noise_moves_pictures_away():
    random = torch.Generator().manual_seed(0)
    smooth = torch.rand(24, 3, 4, 4, generator=random)
    pictures = torch.nn.functional.interpolate(smooth, (32, 32), mode="bilinear")
    noisy = pictures + 0.2 * torch.randn(pictures.shape, generator=random)
    plain, worse = (features_of((255 * x.clamp(0, 1)).to(torch.uint8), RandomConvolutions()) for x in (pictures, noisy))
    assert frechet_distance(plain[:12], worse[12:]) > 2 * frechet_distance(plain[:12], plain[12:])
