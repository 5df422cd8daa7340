"""How far two sets of pictures are apart: the Frechet distance of their features.

With means m, n and covariances S, T of the features of both sets (Heusel et al., "GANs trained by a two time-scale
update rule", 2017, equation 6):

    d^2 = |m - n|^2 + tr(S + T - 2 (S T)^(1/2)).

The published FID takes an Inception network that has to be downloaded (:mod:`~gan3dinv_ns.evaluation.inception`); here
the features are those of fixed random convolutions, or of any network that is given. Figures of different features or
numbers of pictures cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan3dinv_ns.evaluation.labelled import batches

RANDOM_CONVOLUTIONS = "random-convolutions-v1"
"""Name of the features of :class:`RandomConvolutions`; another seed or shape needs another name."""

_WIDTHS = (3, 16, 32, 48, 64)
_SEED = 20_240_601
_BATCH = 32


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Squared Frechet distance of features ``[N, D]`` and ``[M, D]``; 0 for equal sets, symmetric.

    Raises:
        ValueError: a set has fewer than two rows, or their lengths D differ.
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"features must be [N, D] and [M, D], not {list(first.shape)} and {list(second.shape)}.")
    if min(len(first), len(second)) < 2:
        raise ValueError(f"a Frechet distance of {len(first)} and {len(second)} pictures; give at least two of each.")
    (mean, spread), (other_mean, other_spread) = (_moments(one) for one in (first, second))
    traces = np.square(spread).sum() + np.square(other_spread).sum()
    distance = np.square(mean - other_mean).sum() + traces - 2 * _cross(spread, other_spread)
    return max(float(distance), 0.0)


def _moments(features: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[D]``, and X ``[N, D]`` with the covariance X^T X."""
    values = features.detach().cpu().double().numpy()
    mean = values.mean(axis=0)
    return mean, (values - mean) / np.sqrt(len(values) - 1)


def _cross(first: np.ndarray, second: np.ndarray) -> float:
    """tr (S T)^(1/2) of the covariances S = X^T X and T = Y^T Y of ``[N, D]`` and ``[M, D]``."""
    if min(len(first), len(second)) <= first.shape[1]:
        # The eigenvalues of S T are the squares of the singular values of X Y^T, a small matrix for few pictures.
        return float(np.linalg.svd(first @ second.T, compute_uv=False).sum())
    # tr (S T)^(1/2) = tr (S^(1/2) T S^(1/2))^(1/2), whose matrix is symmetric.
    root = _root(first.T @ first)
    return float(np.sqrt(np.linalg.eigvalsh(root @ (second.T @ second) @ root).clip(0)).sum())


def _root(matrix: np.ndarray) -> np.ndarray:
    """Square root of a symmetric positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


class RandomConvolutions(nn.Module):
    """Fixed random filters: pictures ``[N, 3, R, R]`` in [-1, 1] -> features ``[N, 320]``.

    Four 4 x 4 convolutions of stride 2 with orthonormal filters and leaky ReLU; the features are mean and standard
    deviation of every channel of every layer over the picture. NumPy draws the weights, so that they are the same
    everywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        random = np.random.Generator(np.random.PCG64(_SEED))
        self.filters = nn.ParameterList()
        for taken, given in pairwise(_WIDTHS):
            filters = _orthonormal_rows(random.standard_normal((given, taken * 16))).reshape(given, taken, 4, 4)
            self.filters.append(nn.Parameter(torch.from_numpy(filters).float(), requires_grad=False))

    def forward(self, pictures: Tensor) -> Tensor:
        x, pooled = pictures, []
        for filters in self.filters:
            x = 2**0.5 * F.leaky_relu(F.conv2d(F.pad(x, (1, 1, 1, 1), "replicate"), filters, stride=2), 0.2)
            pooled += [x.mean(dim=(2, 3)), x.var(dim=(2, 3), unbiased=False).add(1e-8).sqrt()]
        return torch.cat(pooled, dim=1)


def _orthonormal_rows(matrix: np.ndarray) -> np.ndarray:
    """The rows of ``[m, n]``, m <= n, made orthonormal; signs are fixed, as they are free in a QR decomposition."""
    columns, triangle = np.linalg.qr(matrix.T)
    return (columns * np.sign(np.diag(triangle))).T


@torch.no_grad()
def features_of(pictures: Tensor, network: Callable[[Tensor], Tensor], device: torch.device | str = "cpu") -> Tensor:
    """Features ``[N, D]`` (on the CPU) of pictures ``[N, 3, R, R]`` uint8 by a network on ``device``."""
    return torch.cat([network(batch).cpu() for batch in batches(pictures, _BATCH, device)])
