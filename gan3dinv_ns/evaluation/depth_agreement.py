"""How well the shape of an inverted head agrees with the true one, seen from the photo's camera."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.evaluation.labelled import Step
from gan3dinv_ns.evaluation.metrics import depth_mae_box
from gan3dinv_ns.evaluation.photo_figures import SOLID, Inverted


@dataclass(frozen=True)
class KnownHead:
    """A photo whose depth is known."""

    photo: Tensor
    """``[1, 3, R, R]`` in [-1, 1]."""
    depth: Tensor
    """``[1, 1, r, r]``, distance along the unit ray in box units; 0: nothing hit."""


@dataclass(frozen=True)
class DepthAgreement:
    """Means over heads.

    Attributes:
        heads: number of heads.
        error_box: mean absolute error of the depth, box units.
        correlation: Pearson's, of found and true depth over a head's pixels.
    """

    heads: int
    error_box: float
    correlation: float


def compare_depth(depth: Tensor, weights: Tensor, true_depth: Tensor) -> tuple[float, float]:
    """Mean absolute error and Pearson correlation of depths over the pixels that are solid in both.

    Args:
        depth: ``[1, 1, r, r]`` in box units.
        weights: ``[1, 1, r, r]`` opacity; above one half is solid.
        true_depth: ``[1, 1, r, r]``; 0 is not solid.

    Raises:
        ValueError: the shapes differ, or fewer than two pixels are solid in both.
    """
    error = depth_mae_box(depth, weights > SOLID, true_depth, true_depth > 0)
    solid = (weights > SOLID) & (true_depth > 0)
    if int(solid.sum()) < 2:
        raise ValueError("the inverted head covers nothing of the true one; its depth cannot be compared.")
    found, true = depth[solid].double(), true_depth[solid].double()
    correlation = torch.corrcoef(torch.stack([found, true]))[0, 1]
    return error, float(correlation.nan_to_num(0.0))


def measure_depth_agreement(
    heads: Iterable[KnownHead], invert: Callable[[Tensor], Inverted], progress: Step | None = None
) -> DepthAgreement | None:
    """Invert each head's photo and compare depths from the camera found; None if there are no heads."""
    known = list(heads)
    figures = []
    for number, head in enumerate(known):
        inverted = invert(head.photo)
        seen = inverted.render(inverted.label.detach())
        figures.append(compare_depth(seen["image_depth"].cpu(), seen["image_weights"].cpu(), head.depth))
        if progress is not None:
            progress("inversions", number + 1, len(known))
    if not figures:
        return None
    errors, correlations = zip(*figures, strict=True)
    return DepthAgreement(len(figures), statistics.fmean(errors), statistics.fmean(correlations))
