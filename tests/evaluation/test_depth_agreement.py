"""Depth is compared where both heads are, in box units."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.evaluation.depth_agreement import KnownHead, compare_depth, measure_depth_agreement


@pytest.fixture
def slope() -> Tensor:
    """A depth that grows from left to right, with nothing in the first row."""
    depth = torch.linspace(2.4, 2.9, 8).expand(1, 1, 8, 8).clone()
    depth[:, :, 0] = 0
    return depth


def test_the_true_depth_agrees(slope):
    assert compare_depth(slope, torch.ones_like(slope), slope) == pytest.approx((0, 1))


def test_a_shift_is_an_error_but_keeps_the_correlation(slope):
    error, correlation = compare_depth(slope + 0.03, torch.ones_like(slope), slope)
    assert error == pytest.approx(0.03, rel=1e-4) and correlation == pytest.approx(1)


def test_a_mirrored_depth_is_anticorrelated(slope):
    assert compare_depth(slope.flip(3), torch.ones_like(slope), slope)[1] == pytest.approx(-1)


def test_what_only_one_of_them_covers_does_not_count(slope):
    found, weights = slope.clone(), torch.ones_like(slope)
    found[..., 5:] += 1
    weights[..., 5:] = 0.4
    assert compare_depth(found, weights, slope)[0] == pytest.approx(0)
    with pytest.raises(ValueError, match="covers nothing"):
        compare_depth(slope, torch.zeros_like(slope), slope)
    with pytest.raises(ValueError, match="cannot be compared"):
        compare_depth(slope, weights, slope[..., :4])


class Found:
    """An inversion that renders the depth it was given."""

    label = torch.zeros(1, 25)

    def __init__(self, depth: Tensor) -> None:
        self.depth = depth

    def render(self, label: Tensor) -> dict[str, Tensor]:
        return {"image_depth": self.depth, "image_weights": torch.ones_like(self.depth)}


def test_figures_are_means_over_the_heads(slope):
    shifts, told = iter((0.01, 0.03)), []
    heads = [KnownHead(torch.zeros(1, 3, 8, 8), slope)] * 2
    figures = measure_depth_agreement(heads, lambda photo: Found(slope + next(shifts)), lambda *step: told.append(step))
    assert figures.heads == 2 and figures.error_box == pytest.approx(0.02, rel=1e-4)
    assert told == [("inversions", 1, 2), ("inversions", 2, 2)]
    assert measure_depth_agreement([], lambda photo: Found(slope)) is None
