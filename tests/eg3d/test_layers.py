from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.eg3d.layers import (
    Conv2dLayer,
    FullyConnected,
    bias_activation,
    downsampling_conv2d,
    modulated_conv2d,
    normalize_second_moment,
    upsampling_conv2d,
)
from gan3dinv_ns.ops.resampling import setup_filter, upfirdn2d


def convolve_per_image(x: Tensor, weight: Tensor, styles: Tensor, demodulate: bool) -> Tensor:
    """The definition: every image has its own weight (Karras et al. 2020, equations 1 and 3)."""
    images = []
    for image, style in zip(x, styles, strict=True):
        own = weight * style[None, :, None, None]
        if demodulate:
            own = own / (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        images.append(F.conv2d(image[None], own, padding=weight.shape[-1] // 2))
    return torch.cat(images)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_modulation_is_a_weight_for_every_image(demodulate, kernel_size):
    torch.manual_seed(0)
    x, styles = torch.randn(3, 4, 6, 6), torch.randn(3, 4)
    weight = torch.randn(5, 4, kernel_size, kernel_size)
    found = modulated_conv2d(x, weight, styles, demodulate)
    torch.testing.assert_close(found, convolve_per_image(x, weight, styles, demodulate), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("up", [1, 2])
def test_gradients_of_modulation_are_those_of_finite_differences(up):
    torch.manual_seed(0)
    x, styles = torch.randn(2, 3, 4, 4).double(), torch.randn(2, 3).double()
    weight, taps = torch.randn(2, 3, 3, 3).double(), setup_filter().double()
    inputs = [value.requires_grad_() for value in (x, weight, styles)]
    assert torch.autograd.gradcheck(lambda a, w, s: modulated_conv2d(a, w, s, True, up, taps), inputs)


def test_demodulated_features_keep_unit_variance():
    torch.manual_seed(0)
    y = modulated_conv2d(torch.randn(4, 64, 32, 32), torch.randn(16, 64, 3, 3), torch.rand(4, 64) * 5 + 0.1)
    assert y[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1.0, rel=0.05)


def test_half_precision_does_not_overflow_under_large_styles():
    x, weight = torch.ones(1, 8, 4, 4), torch.ones(8, 8, 3, 3)
    styles = torch.full((1, 8), 5e4)
    half = modulated_conv2d(x.half(), weight, styles)
    torch.testing.assert_close(half.float(), modulated_conv2d(x, weight, styles), atol=0.01, rtol=0.01)


def test_upsampling_convolution_is_zero_insertion_then_convolution_then_filter():
    torch.manual_seed(0)
    x, weight, taps = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3), setup_filter()
    inserted = upfirdn2d(x, torch.ones(1, 1), up=2, padding=(2, 1, 2, 1))
    convolved = F.conv2d(inserted, weight.flip((2, 3)))
    expected = upfirdn2d(convolved, taps, padding=(1, 1, 1, 1), gain=4.0)
    torch.testing.assert_close(upsampling_conv2d(x, weight, taps), expected)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_downsampling_convolution_halves_the_size(kernel_size):
    x, taps = torch.ones(1, 2, 8, 8), setup_filter()
    weight = torch.ones(3, 2, kernel_size, kernel_size) / (2 * kernel_size**2)
    y = downsampling_conv2d(x, weight, taps)
    assert y.shape == (1, 3, 4, 4)
    torch.testing.assert_close(y[:, :, 1:-1, 1:-1], torch.ones(1, 3, 2, 2))


def test_bias_activation_scales_and_clamps():
    x = torch.tensor([[-1.0, 0.5, 10.0]])
    y = bias_activation(x, torch.tensor([0.0, 0.5, 0.0]), "lrelu", gain=0.5, clamp=2.0)
    root = math.sqrt(2.0) * 0.5
    torch.testing.assert_close(y, torch.tensor([[-0.2 * root, root, 1.0]]))


def test_equalised_layers_keep_the_variance():
    torch.manual_seed(0)
    assert FullyConnected(512, 512)(torch.randn(64, 512)).std().item() == pytest.approx(1.0, rel=0.05)
    assert Conv2dLayer(64, 64, 3)(torch.randn(2, 64, 16, 16)).std().item() == pytest.approx(1.0, rel=0.1)


def test_learning_rate_multiplier_changes_the_weights_not_the_function():
    torch.manual_seed(0)
    slow = FullyConnected(8, 4, lr_multiplier=0.01)
    assert slow.weight.std() > 50
    assert slow(torch.randn(256, 8)).std().item() == pytest.approx(1.0, rel=0.4)


def test_second_moment_becomes_one():
    x = normalize_second_moment(torch.randn(3, 100) * 7)
    torch.testing.assert_close(x.square().mean(dim=1), torch.ones(3))
