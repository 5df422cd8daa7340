from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.eg3d.cpu.styled_conv import styled_conv2d
from gan3dinv_ns.eg3d.layers import bias_activation, modulated_conv2d
from gan3dinv_ns.ops.resampling import setup_filter

UP = pytest.mark.parametrize("taps", [None, setup_filter()], ids=["same size", "upsampled"])
CLAMP = pytest.mark.parametrize("clamp", [None, 1.5])


def plain_layer(
    x: Tensor, weight: Tensor, styles: Tensor, bias: Tensor, noise: Tensor, taps: Tensor | None, clamp: float | None
) -> Tensor:
    """The definition: the steps one after the other."""
    up = 1 if taps is None else 2
    return bias_activation(modulated_conv2d(x, weight, styles, True, up, taps) + noise, bias, "lrelu", clamp=clamp)


def random_inputs(up: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """x, weight, styles, bias and noise, all of which want a gradient."""
    torch.manual_seed(0)
    shapes = [(1, 5, 4, 4), (6, 5, 3, 3), (1, 5), (6,), (4 * up, 4 * up)]
    return [torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes]


@UP
@CLAMP
def test_layer_is_its_steps_one_after_the_other(taps, clamp):
    inputs = random_inputs(1 if taps is None else 2)
    expected = plain_layer(*inputs, taps, clamp)
    found = styled_conv2d(*inputs, taps, clamp)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    direction = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, inputs, direction), torch.autograd.grad(expected, inputs, direction), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@UP
@CLAMP
def test_gradients_are_those_of_finite_differences(taps, clamp):
    inputs = random_inputs(1 if taps is None else 2, torch.float64)
    taps = taps if taps is None else taps.double()
    assert torch.autograd.gradcheck(lambda *values: styled_conv2d(*values, taps, clamp), inputs)


def test_layer_works_without_noise():
    x, weight, styles, bias, noise = random_inputs(1)
    without = styled_conv2d(x, weight, styles, bias)
    torch.testing.assert_close(without, styled_conv2d(x, weight, styles, bias, torch.zeros_like(noise)))


def test_style_of_zero_has_a_gradient():
    x, weight, styles, bias, noise = random_inputs(1)
    with torch.no_grad():
        styles[0, 2] = 0.0
    inputs = [x, weight, styles, bias, noise]
    direction = torch.randn(1, 6, 4, 4)
    found, expected = (
        torch.autograd.grad(layer(*inputs, None, None), styles, direction)[0] for layer in (styled_conv2d, plain_layer)
    )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_constant_weights_cost_no_gradient():
    x, weight, styles, bias, noise = random_inputs(1)
    y = styled_conv2d(x, weight.detach(), styles, bias.detach(), noise.detach())
    y.sum().backward()
    assert weight.grad is None and bias.grad is None and noise.grad is None
    assert x.grad is not None and styles.grad is not None
