from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.eg3d import load_generator, precision
from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.eg3d.precision import check_precision, multiplies_bfloat16, use_precision

CPU = torch.device("cpu")


@pytest.fixture
def generator(small_config) -> Generator:
    torch.manual_seed(0)
    return Generator(replace(small_config, neural_rendering_resolution=64)).eval()


@pytest.fixture
def render(generator, frontal):
    with torch.no_grad():
        ws = generator.mapping(torch.randn(1, 16), frontal)
    return lambda: generator.synthesis(ws, frontal, sampling="midpoint")


def of_a_cpu(monkeypatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    ask_again(monkeypatch)


def ask_again(monkeypatch) -> None:
    """What was found of this machine's CPU is not remembered."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", multiplies_bfloat16.__wrapped__)


def test_half_changes_a_picture_by_less_than_its_rounding_to_eight_bits(frontal):
    generator = load_generator("makehuman128-64", CPU)
    with torch.no_grad():
        ws = generator.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(0)), frontal, 0.7)
        full = generator.synthesis(ws, frontal, sampling="midpoint")["image"]
        generator.set_half(True)
        half = generator.synthesis(ws, frontal, sampling="midpoint")["image"]
    assert half.dtype == torch.float32
    assert 0.0 < (half - full).square().mean().sqrt() < 2.0 / 255.0 / 12.0**0.5


def test_half_leaves_density_and_depth_as_they_are(generator, render):
    full = render()
    generator.set_half(True)
    half = render()
    for name in ("image_raw", "image_depth", "image_weights"):
        assert torch.equal(half[name], full[name]), name


def test_half_is_undone(generator, render):
    full = render()["image"]
    generator.set_half(True)
    generator.set_half(False)
    assert torch.equal(render()["image"], full)


@pytest.mark.parametrize("network", ["backbone.synthesis", "superresolution"])
def test_gradients_of_half_point_where_those_of_float32_do(generator, render, network):
    weights = [weight for weight in generator.get_submodule(network).parameters() if weight.ndim == 4]

    def gradients() -> torch.Tensor:
        return torch.cat([one.flatten() for one in torch.autograd.grad(render()["image"].square().mean(), weights)])

    full = gradients()
    generator.set_half(True)
    half = gradients()
    assert half.dtype == torch.float32
    assert 0.0 < (half - full).norm() / full.norm() < 0.02


@pytest.mark.parametrize(
    ("capabilities", "products"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx512_f": True}, None)],
)
def test_auto_takes_half_where_the_cpu_gains_from_it(generator, monkeypatch, multiplied_in, capabilities, products):
    of_a_cpu(monkeypatch, **capabilities)
    use_precision(generator, "auto")
    assert products in multiplied_in(generator)
    assert (torch.bfloat16 in multiplied_in(generator)) == (products is not None)


def test_float32_is_float32_on_every_cpu(generator, monkeypatch, multiplied_in):
    of_a_cpu(monkeypatch, avx512_bf16=True)
    use_precision(generator, "half")
    use_precision(generator, "float32")
    assert multiplied_in(generator) == {None}


def test_half_is_refused_in_one_line_where_it_gains_nothing(monkeypatch):
    of_a_cpu(monkeypatch)
    with pytest.raises(ValueError, match=r"^precision half: this CPU has no bfloat16 products; choose auto or float32"):
        check_precision("half", CPU)


def test_torch_that_tells_nothing_means_float32(generator, monkeypatch, multiplied_in):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    ask_again(monkeypatch)
    use_precision(generator, "auto")
    assert multiplied_in(generator) == {None}
