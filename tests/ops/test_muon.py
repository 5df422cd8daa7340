"""The optimiser of the convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan3dinv_ns.ops.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(16, 40), (40, 16)])
def test_singular_values_are_brought_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(3, *shape) * 100))
    assert float(values.min()) > 0.6 and float(values.max()) < 1.3


def test_singular_directions_are_kept() -> None:
    torch.manual_seed(0)
    left, right = torch.linalg.qr(torch.randn(8, 8))[0], torch.linalg.qr(torch.randn(8, 8))[0]
    core = left.T @ orthogonalised((left @ torch.diag(torch.linspace(1, 2, 8)) @ right)[None])[0] @ right.T
    assert float((core - core.diagonal().diag()).abs().max()) < 1e-3


def test_a_step_has_the_size_of_adams() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(32, 8, 3, 3))
    weight.grad = torch.randn_like(weight) * 1e-3
    Muon([weight], lr=0.01).step()
    assert 0.1 < float(weight.detach().square().mean().sqrt()) / 0.01 < 0.3


def test_rare_directions_are_learned_faster_than_by_momentum() -> None:
    torch.manual_seed(0)
    true = torch.randn(8, 16) / torch.linalg.matrix_norm(torch.randn(8, 16), 2)
    x = torch.randn(256, 16) * torch.logspace(0, -1.5, 16)

    def error_after(optimizer_of: type[torch.optim.Optimizer], **options: float) -> float:
        weight = nn.Parameter(torch.zeros_like(true))
        optimizer = optimizer_of([weight], **options)  # type: ignore[call-arg]
        for _ in range(100):
            optimizer.zero_grad()
            nn.functional.mse_loss(x @ weight.T, x @ true.T).backward()
            optimizer.step()
        return float((weight.detach() - true)[:, -4:].square().mean())

    assert error_after(Muon, lr=0.03) < 0.3 * error_after(torch.optim.SGD, lr=0.3, momentum=0.95)


def test_groups_for_adam_take_adams_steps_and_resume() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(5)) for _ in range(2))
    mine = Muon([{"params": [ours], "adam": True}], lr=0.1)
    adam = torch.optim.Adam([theirs], lr=0.1)
    for _ in range(4):
        ours.grad = torch.randn(5)
        theirs.grad = ours.grad.clone()
        mine.step()
        adam.step()
        again = Muon([{"params": [ours], "adam": True}], lr=0.1)
        again.load_state_dict(mine.state_dict())
        mine = again
    assert torch.allclose(ours, theirs, atol=1e-6)
