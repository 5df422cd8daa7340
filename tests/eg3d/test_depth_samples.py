from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.eg3d.depth_samples import check_sampling, importance_depths, stratified_depths

NEAR, FAR = torch.full((1, 3, 1), 2.0), torch.full((1, 3, 1), 4.0)


def test_midpoints_are_half_a_bin_behind_even_steps():
    depths = stratified_depths(NEAR, FAR, 5, "midpoint", disparity=False)
    torch.testing.assert_close(depths[0, 0], torch.tensor([2.25, 2.75, 3.25, 3.75, 4.25]))


def test_random_depths_stay_in_their_bins():
    torch.manual_seed(0)
    depths = stratified_depths(NEAR.expand(1, 3, 1), FAR, 5, "stratified", disparity=False)
    offset = (depths - torch.linspace(2, 4, 5)) / 0.5
    assert ((offset >= 0) & (offset < 1)).all() and offset.std() > 0


def test_disparity_puts_more_samples_near():
    gaps = stratified_depths(NEAR, FAR, 8, "midpoint", disparity=True).diff()
    assert (gaps > 0).all() and (gaps[..., 1:] > gaps[..., :-1]).all()


@pytest.mark.parametrize("sampling", ["stratified", "midpoint"])
def test_second_pass_goes_where_the_first_found_something(sampling):
    torch.manual_seed(0)
    depths = stratified_depths(NEAR, FAR, 41, "midpoint", disparity=False)
    weights = torch.zeros(1, 3, 40)
    weights[..., 20] = 1.0
    fine = importance_depths(depths, weights, 64, sampling)
    assert fine.shape == (1, 3, 64)
    assert ((fine - 3.05).abs() < 0.15).float().mean() > 0.7
    assert fine.min() >= 2.0 and fine.max() <= 4.1


def test_quantiles_of_the_second_pass_are_reproducible_and_sorted():
    torch.manual_seed(0)
    depths = stratified_depths(NEAR, FAR, 16, "midpoint", disparity=False)
    weights = torch.rand(1, 3, 15)
    first, second = (importance_depths(depths, weights, 12, "midpoint") for _ in range(2))
    assert torch.equal(first, second)
    assert (first.diff() >= 0).all()


def test_other_ways_of_sampling_are_refused():
    with pytest.raises(ValueError, match="sampling 'even'"):
        check_sampling("even")
