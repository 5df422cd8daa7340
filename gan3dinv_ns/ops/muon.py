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
    scalable for LLM training", 2025, equation 4). Groups with ``adam=True`` are for biases and other weights that are
    no matrices: they take Adam's steps.

    Args:
        params: parameters or groups; those without ``adam=True`` have two or more dimensions.
        lr: learning rate.
        momentum: in [0, 1), with Nesterov's look-ahead.
        betas: Adam's.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter] | Iterable[dict],
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "betas": betas, "adam": False})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step for all weights that have a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                move = self._adam_step if group["adam"] else self._orthogonal_step
                move(weight, weight.grad, group)

    def _orthogonal_step(self, weight: Tensor, gradient: Tensor, group: dict) -> None:
        state = self.state[weight]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(weight)
        state["mean"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(state["mean"], group["momentum"]).flatten(1)
        size = 0.2 * max(ahead.shape) ** 0.5
        weight.sub_(orthogonalised(ahead).view_as(weight), alpha=group["lr"] * size)

    def _adam_step(self, weight: Tensor, gradient: Tensor, group: dict) -> None:
        state = self.state[weight]
        if "step" not in state:
            state |= {"step": torch.zeros(()), "mean": torch.zeros_like(weight), "square": torch.zeros_like(weight)}
        state["step"] += 1
        first, second = group["betas"]
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].lerp_(gradient.square(), 1 - second)
        mean_share, square_share = (1 - beta ** float(state["step"]) for beta in (first, second))
        deviation = (state["square"] / square_share).sqrt_().add_(1e-8)
        weight.addcdiv_(state["mean"], deviation, value=-group["lr"] / mean_share)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with all its singular values brought near 1, by five steps of a quintic Newton-Schulz iteration.

    A step is X <- Q X with Q = a + b G + c G^2 of the Gram matrix G = X X^T. All Q are polynomials of the first G, so
    they commute, and G <- Q G Q: the steps are taken on the small square matrix, X is read twice only.
    """
    a, b, c = _QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-12)
    gram = x @ x.T
    product: Tensor | None = None
    for step in range(_ITERATIONS):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        if step < _ITERATIONS - 1:
            gram = factor @ gram @ factor
    assert product is not None
    x = product @ x
    return x if wide is matrix else x.T
