"""How well attributes can be read linearly from latents: ridge regression, judged on latents it was not fitted to.

Letters: rows of X [N, D] are centred latents, y [N] centred values, X = U diag(s) V^T. Ridge regression with the
penalty a |b|^2 predicts U diag(s^2 / (s^2 + a)) U^T y, and leaves out the i-th row with the residual r_i / (1 - h_i)
(h the diagonal of that matrix), so the best a is found without fitting again. An attribute that is there or not is
regressed as -1 or 1 and read by its sign.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from torch import Tensor

from gan3dinv_ns.evaluation.labelled import Labels

FOLDS = 5
_PENALTIES = np.logspace(-4, 3, 22)
_SEED = 0


@dataclass(frozen=True)
class Reading:
    """How well one attribute is read.

    Attributes:
        name: of the attribute.
        measure: "R2" of a continuous attribute, "accuracy" of one that is there or not.
        value: at most 1.
        chance: what a constant answer would reach: 0, or the share of the more frequent class.
    """

    name: str
    measure: str
    value: float
    chance: float

    def to_json(self) -> dict[str, object]:
        """Plain data under the attributes' names."""
        return asdict(self)


def r2_score(values: np.ndarray, predicted: np.ndarray) -> float:
    """Share of the variance of ``values`` [N] that is predicted: 1 is perfect, 0 no better than their mean.

    0 if the values do not vary.
    """
    total = np.square(values - values.mean()).sum()
    return float(1 - np.square(values - predicted).sum() / total) if total > 1e-12 else 0.0


def judge(labels: Labels, predictions: Labels) -> list[Reading]:
    """Compare predictions with labels, both ``[N]`` under the same names.

    Args:
        labels: float or bool.
        predictions: of a bool label either bool, or float that is positive where it is predicted.
    """
    readings = []
    for name, values in labels.items():
        truth, predicted = values.cpu().numpy(), predictions[name].detach().cpu().numpy()
        if truth.dtype == bool:
            share = float(truth.mean())
            right = float((truth == (predicted > 0)).mean())
            readings.append(Reading(name, "accuracy", right, max(share, 1 - share)))
        else:
            readings.append(Reading(name, "R2", r2_score(truth.astype(np.float64), predicted), 0.0))
    return readings


def linear_readability(latents: Tensor, labels: Labels) -> list[Reading]:
    """Read every label from latents ``[N, D]`` by ridge regression; each latent is judged by a fit to other folds.

    Args:
        latents: at least two for each of the five folds.
        labels: ``[N]`` each.

    Raises:
        ValueError: there are too few latents.
    """
    if len(latents) < 2 * FOLDS:
        raise ValueError(f"{len(latents)} latents are too few to judge a regression; give {2 * FOLDS} or more.")
    rows = latents.detach().cpu().double().numpy()
    names = list(labels)
    targets = np.stack([_as_target(labels[name]) for name in names], axis=1)
    predicted = np.empty_like(targets)
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(len(rows))
    for fold in range(FOLDS):
        judged = order[fold::FOLDS]
        fitted = np.setdiff1d(order, judged)
        predicted[judged] = ridge_predict(rows[fitted], targets[fitted], rows[judged])
    return judge(labels, {name: Tensor(predicted[:, i]) for i, name in enumerate(names)})


def ridge_predict(rows: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Values ``[M, K]`` at ``asked`` [M, D], of a ridge regression fitted to ``rows`` [N, D] and ``targets`` [N, K].

    Each target has the penalty with the smallest leave-one-out error.
    """
    centre, mean = rows.mean(axis=0), targets.mean(axis=0)
    scale = max(float((rows - centre).std()), 1e-12)
    left, sizes, right = np.linalg.svd((rows - centre) / scale, full_matrices=False)
    inside = left.T @ (targets - mean)
    kept = sizes[:, None] ** 2 / (sizes[:, None] ** 2 + _PENALTIES * len(rows))
    errors = np.stack([_left_out_error(left, inside, targets - mean, share) for share in kept.T])
    best = _PENALTIES[errors.argmin(axis=0)] * len(rows)
    weights = inside * sizes[:, None] / (sizes[:, None] ** 2 + best)
    return mean + (asked - centre) / scale @ (right.T @ weights)


def _left_out_error(left: np.ndarray, inside: np.ndarray, targets: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Sum of squares [K] of the leave-one-out residuals, the mean being fitted too."""
    leverage = np.minimum(np.square(left) @ kept + 1 / len(left), 1 - 1e-6)
    residual = targets - left @ (kept[:, None] * inside)
    return np.square(residual / (1 - leverage)[:, None]).sum(axis=0)


def _as_target(values: Tensor) -> np.ndarray:
    array = values.detach().cpu().numpy()
    return np.where(array, 1.0, -1.0) if array.dtype == bool else array.astype(np.float64)
