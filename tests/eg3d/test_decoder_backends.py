from __future__ import annotations

import importlib.util

import pytest
import torch
import torch.nn.functional as F

from gan3dinv_ns.eg3d.decoder import OSGDecoder
from gan3dinv_ns.eg3d.decoder_backends import FusedDecoder, decoder_for_viewing, pack_weights


def decoder_with_biases() -> OSGDecoder:
    torch.manual_seed(0)
    decoder = OSGDecoder()
    for layer in (decoder.net[0], decoder.net[2]):
        torch.nn.init.normal_(layer.bias)
    return decoder


def fused_arithmetic(packed: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """What tiny-cuda-nn computes from its parameters.

    No biases, softplus of slope 10, inputs padded with ones.
    """
    inner = packed[: 64 * 48].reshape(64, 48)
    outer = packed[64 * 48 :].reshape(48, 64)
    padded = F.pad(features, (0, 16), value=1.0)
    return (F.softplus(padded @ inner.T, beta=10.0) @ outer.T)[:, :33]


@torch.no_grad()
def test_packed_weights_give_the_values_of_the_decoder():
    decoder, features = decoder_with_biases(), torch.randn(50, 32)
    packed, bias = pack_weights(decoder)
    assert torch.allclose(fused_arithmetic(packed, features) + bias, decoder.net(features), atol=1e-4)


def test_without_cuda_the_decoder_itself_is_used():
    decoder = OSGDecoder()
    assert decoder_for_viewing(decoder) is decoder


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.skipif(importlib.util.find_spec("tinycudann") is None, reason="tiny-cuda-nn is not installed")
def test_fused_decoder_agrees_with_torch_and_follows_its_weights():
    decoder, features = decoder_with_biases().cuda(), torch.randn(4, 100, 32, device="cuda")
    fused = FusedDecoder(decoder)
    for _ in range(2):
        with torch.no_grad():
            for ours, theirs in zip(fused(features), decoder(features), strict=True):
                assert torch.allclose(ours, theirs, atol=2e-2, rtol=2e-2)
            decoder.net[0].weight.mul_(0.5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.skipif(importlib.util.find_spec("tinycudann") is None, reason="tiny-cuda-nn is not installed")
def test_gradients_are_those_of_torch():
    decoder = decoder_with_biases().cuda()
    features = torch.randn(100, 32, device="cuda", requires_grad=True)
    FusedDecoder(decoder)(features)[0].sum().backward()
    ours, features.grad = features.grad, None
    decoder(features)[0].sum().backward()
    assert torch.equal(ours, features.grad)
