"""The Muon optimiser (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are made orthogonal, so that every direction of a weight matrix moves alike.

    `torch.optim.Muon` takes matrices only; here a convolution's weight [out, in, k, k] counts as the matrix
    [out, in * k * k]. A step is as large as Adam's at the same rate (root mean square 0.2; Liu et al., "Muon is
    scalable for LLM training", 2025, equation 4). Groups with ``adam=True`` are for biases and other weights that are
    no matrices: they take Adam's steps. Weights go together as far as they can, as each operator costs a GPU's host
    some microseconds.

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
            gradients = {weight: weight.grad for weight in group["params"] if weight.grad is not None}
            if group["adam"]:
                self._adam_step(gradients, group)
                continue
            alike: dict[torch.Size, dict[Tensor, Tensor]] = defaultdict(dict)
            for weight, gradient in gradients.items():
                alike[weight.shape][weight] = gradient
            for same in alike.values():
                self._orthogonal_step(same, group)

    def _orthogonal_step(self, gradients: dict[Tensor, Tensor], group: dict) -> None:
        """Of weights of one shape."""
        momentum = group["momentum"]
        ahead = torch.stack([self._ahead(*pair, momentum).flatten(1) for pair in gradients.items()])
        size = 0.2 * max(ahead.shape[1:]) ** 0.5
        for weight, move in zip(gradients, orthogonalised(ahead), strict=True):
            weight.sub_(move.view_as(weight), alpha=group["lr"] * size)

    def _ahead(self, weight: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """Nesterov's gradient, and the mean one step on."""
        state = self.state[weight]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(weight)
        state["mean"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["mean"], momentum)

    def _adam_step(self, gradients: dict[Tensor, Tensor], group: dict) -> None:
        first, second = group["betas"]
        for weight in gradients:
            if not self.state[weight]:
                zeros = {name: torch.zeros_like(weight) for name in ("mean", "square")}
                self.state[weight] |= {"step": torch.zeros(()), **zeros}
        means, squares, steps = (
            [self.state[weight][name] for weight in gradients] for name in ("mean", "square", "step")
        )
        adam(
            list(gradients),
            list(gradients.values()),
            means,
            squares,
            [],
            steps,
            foreach=True,
            amsgrad=False,
            beta1=first,
            beta2=second,
            lr=group["lr"],
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices [N, m, n] with all their singular values brought near 1, by five steps of a quintic Newton-Schulz
    iteration.

    A step is X <- Q X with Q = a + b G + c G^2 of the Gram matrix G = X X^T. All Q are polynomials of the first G, so
    they commute, and G <- Q G Q: the steps are taken on the small square matrix, X is read twice only.
    """
    a, b, c = _QUINTIC
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-12)
    gram = x @ x.mT
    product: Tensor | None = None
    for step in range(_ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor if product is None else factor @ product
        if step < _ITERATIONS - 1:
            gram = factor @ gram @ factor
    assert product is not None
    x = product @ x
    return x if wide is matrices else x.mT
