from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.eg3d.cpu import blockwise_decoding
from gan3dinv_ns.eg3d.cpu.blockwise_decoding import decode_in_blocks
from gan3dinv_ns.eg3d.decoder import OSGDecoder


def plain_decoding(x: Tensor, inner: Tensor, b1: Tensor, outer: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """The definition."""
    both = F.linear(F.softplus(F.linear(x, inner, b1)), outer, b2)
    return both[:, :1], torch.sigmoid(both[:, 1:]) * 1.002 - 0.001


def random_inputs(points: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = [(points, 6), (8, 6), (8,), (4, 8), (4,)]
    return [torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes]


def test_values_and_gradients_are_those_of_the_layers(monkeypatch):
    monkeypatch.setattr(blockwise_decoding, "_BLOCK", 16)
    inputs = random_inputs(50)
    found, expected = decode_in_blocks(*inputs), plain_decoding(*inputs)
    directions = [torch.randn_like(one) for one in expected]
    gradients = (torch.autograd.grad(one, inputs, directions) for one in (found, expected))
    torch.testing.assert_close(found, expected)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_gradients_are_those_of_finite_differences(monkeypatch):
    monkeypatch.setattr(blockwise_decoding, "_BLOCK", 3)
    assert torch.autograd.gradcheck(decode_in_blocks, random_inputs(7, torch.float64))


def test_far_hidden_features_stay_finite():
    decoder = OSGDecoder(2, 3)
    features = torch.tensor([[1e4, -1e4], [-200.0, 200.0], [100.0, 80.0]], requires_grad=True)
    colours, density = decoder(features)
    expected = decoder.net(features)
    torch.testing.assert_close(density, expected[:, :1])
    torch.testing.assert_close(colours, torch.sigmoid(expected[:, 1:]) * 1.002 - 0.001)
    (colours.sum() + density.sum()).backward()
    assert features.grad is not None and features.grad.isfinite().all()


def test_a_decoder_takes_points_in_any_shape():
    decoder = OSGDecoder(4, 3)
    features = torch.randn(2, 3, 5, 4, requires_grad=True)
    colours, density = decoder(features)
    assert colours.shape == (2, 3, 5, 3) and density.shape == (2, 3, 5, 1)
    torch.testing.assert_close(density, decoder.net(features)[..., :1])
