"""Claims about sums of colours along rays."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.eg3d.cpu import weighted_sum as module
from gan3dinv_ns.eg3d.cpu.weighted_sum import weighted_sum


def test_values_and_gradients_are_those_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 5)
    torch.manual_seed(0)
    weights, colours = torch.randn(2, 7, 4, requires_grad=True), torch.randn(2, 7, 4, 3, requires_grad=True)
    found, expected = weighted_sum(weights, colours), torch.einsum("nms,nmsc->nmc", weights, colours)
    torch.testing.assert_close(found, expected)
    # As it arrives from an image: channels first.
    gradient = torch.randn(2, 3, 7).transpose(1, 2)
    results = [torch.autograd.grad(one, (weights, colours), gradient) for one in (found, expected)]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_are_those_of_finite_differences() -> None:
    inputs = [torch.rand(1, 3, 2, dtype=torch.float64), torch.rand(1, 3, 2, 2, dtype=torch.float64)]
    assert torch.autograd.gradcheck(weighted_sum, [one.requires_grad_() for one in inputs])


def test_colours_without_gradients_are_no_hindrance() -> None:
    weights = torch.rand(1, 3, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(weighted_sum(weights, torch.ones(1, 3, 2, 4)).sum(), weights)
    torch.testing.assert_close(gradient, torch.full_like(weights, 4.0))
