"""The Muon optimiser (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal, so that every direction of a weight matrix moves alike.

    `torch.optim.Muon` takes matrices only; here a convolution's weight [out, in, k, k] counts as the matrix
    [out, in * k * k]. A step is as large as Adam's at the same rate (root mean square 0.2; Liu et al., "Muon is
    scalable for LLM training", 2025, equation 4).

    Args:
        params: weights of two or more dimensions, in parameters or groups.
        lr: learning rate.
        momentum: in [0, 1), with Nesterov's look-ahead.
    """

    def __init__(self, params: Iterable[nn.Parameter] | Iterable[dict], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step for all weights that have a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "mean" not in state:
                    state["mean"] = torch.zeros_like(weight)
                mean = state["mean"]
                mean.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(mean, group["momentum"]).flatten(1)
                size = 0.2 * max(ahead.shape) ** 0.5
                weight.sub_(orthogonalised(ahead).view_as(weight), alpha=group["lr"] * size)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with all its singular values brought near 1, by five steps of a quintic Newton-Schulz iteration."""
    a, b, c = _QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-12)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide is matrix else x.T
