from __future__ import annotations

import copy
import sys
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.backends.backend import TORCH
from gan3dinv_ns.eg3d.backends.choice import largest_error
from gan3dinv_ns.eg3d.backends.tcnn_backend import TcnnBackend, pack_weights
from gan3dinv_ns.eg3d.decoder import OSGDecoder

HALF = 1e-2
"""Relative error of half precision through two layers."""


class _Network(nn.Module):
    """What tiny-cuda-nn documents of its FullyFusedMLP, by torch: flat row-major weights with sides padded to multiples
    of 16, inputs padded with ones, no biases, softplus of slope 10, everything in half precision."""

    def __init__(self, inputs: int, outputs: int, config: dict[str, object]) -> None:
        super().__init__()
        assert (config["otype"], config["activation"], config["output_activation"]) == (
            "FullyFusedMLP",
            "Softplus",
            "None",
        )
        assert config["n_hidden_layers"] == 1 and config["n_neurons"] in (16, 32, 64, 128)
        self.width, self.outputs = int(config["n_neurons"]), outputs
        self.inputs, self.rows = (-(-side // 16) * 16 for side in (inputs, outputs))
        self.params = nn.Parameter(torch.randn(self.width * (self.inputs + self.rows)))
        self.loss_scale = 128.0

    def forward(self, features: Tensor) -> Tensor:
        assert features.dtype == torch.float32
        padded = F.pad(features, (0, self.inputs - features.shape[1]), value=1.0).half()
        inner, outer = self.params.half().split([self.width * self.inputs, self.rows * self.width])
        hidden = F.softplus(padded @ inner.reshape(self.width, -1).T, beta=10.0)
        return (hidden @ outer.reshape(self.rows, -1).T)[:, : self.outputs]


@pytest.fixture
def tcnn(monkeypatch: pytest.MonkeyPatch) -> TcnnBackend:
    module = ModuleType("tinycudann")
    module.Network = _Network  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tinycudann", module)
    return TcnnBackend()


def decoder_with_biases() -> OSGDecoder:
    torch.manual_seed(0)
    decoder = OSGDecoder()
    for layer in (decoder.net[0], decoder.net[2]):
        torch.nn.init.normal_(layer.bias)
    return decoder


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).detach().norm() / expected.detach().norm())


def decoded(backend, decoder, planes, points, factor: float = 1.0) -> tuple[Tensor, ...]:
    """Colours, densities, and gradients of a weighted mean for planes, points and all of the decoder's parameters."""
    colours, sigma = backend.evaluator(planes, decoder, 1.0, "yz")(points)
    weights = torch.linspace(0.5, 1.5, colours.shape[-1])
    loss = factor * ((colours * weights).mean() + sigma.mean())
    return colours, sigma, *torch.autograd.grad(loss, (planes, points, *decoder.parameters()))


@torch.no_grad()
def test_packed_weights_give_the_values_of_the_decoder():
    decoder, features = decoder_with_biases(), torch.randn(50, 32)
    packed, bias = pack_weights(decoder)
    inner, outer = packed[: 64 * 48].reshape(64, 48), packed[64 * 48 :].reshape(48, 64)
    padded = F.pad(features, (0, 16), value=1.0)
    found = (F.softplus(padded @ inner.T, beta=10.0) @ outer.T)[:, :33] + bias
    assert torch.allclose(found, decoder.net(features), atol=1e-4)


def test_values_and_gradients_are_those_of_torch_in_half_precision(tcnn):
    decoder, planes = decoder_with_biases(), torch.randn(2, 3, 32, 8, 8, requires_grad=True)
    points = ((torch.rand(2, 150, 3) - 0.5) * 1.4).requires_grad_()
    found, expected = (decoded(one, decoder, planes, points) for one in (tcnn, TORCH))
    assert max(relative_error(a, b) for a, b in zip(found, expected, strict=True)) < HALF


@pytest.mark.parametrize("factor", [1e-12, 1e6])
def test_gradients_that_half_precision_cannot_hold_arrive(tcnn, factor):
    decoder, planes = decoder_with_biases(), torch.randn(1, 3, 32, 8, 8, requires_grad=True)
    points = (torch.rand(1, 100, 3) - 0.5).requires_grad_()
    found, expected = (decoded(one, decoder, planes, points, factor)[2:] for one in (tcnn, TORCH))
    assert max(relative_error(a, b) for a, b in zip(found, expected, strict=True)) < HALF


def test_no_gradient_is_no_gradient(tcnn):
    planes = torch.randn(1, 3, 32, 8, 8, requires_grad=True)
    colours, _ = tcnn.evaluator(planes, decoder_with_biases(), 1.0, "yz")(torch.zeros(1, 5, 3))
    assert not torch.autograd.grad((colours * 0.0).sum(), planes)[0].any()


def test_tuning_moves_the_weights_that_are_used(tcnn):
    decoder, planes, points = decoder_with_biases(), torch.randn(1, 3, 32, 8, 8), torch.rand(1, 60, 3) - 0.5
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        loss = tcnn.evaluator(planes, decoder, 1.0, "yz")(points)[0].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        found, expected = (one.evaluator(planes, decoder, 1.0, "yz")(points)[0] for one in (tcnn, TORCH))
    assert float((found - expected).abs().max()) < HALF


def test_frozen_weights_and_copies_of_a_generator_work(tcnn, small_config, frontal):
    torch.manual_seed(0)
    generator = Generator(small_config).eval().requires_grad_(False)
    ws = torch.randn(1, generator.num_ws, generator.w_dim, requires_grad=True)
    results = []
    for backend in (tcnn, TORCH):
        generator.backend = backend
        image = copy.deepcopy(generator).synthesis(ws, frontal, sampling="midpoint")["image_raw"]
        results.append((image, torch.autograd.grad(image.square().mean(), ws)[0]))
    assert max(relative_error(a, b) for a, b in zip(*results, strict=True)) < tcnn.tolerance


def test_the_trial_before_use_accepts_half_precision(tcnn, small_config):
    torch.manual_seed(0)
    assert 0.0 < largest_error(tcnn, Generator(small_config)) < tcnn.tolerance
