"""Claims about compiled networks. They are traced here for real, forward and backward, and run as traced: code would
take a minute to generate."""

from __future__ import annotations

import copy
from functools import partialmethod
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.eg3d import Generator, compilation, load_generator
from gan3dinv_ns.eg3d.compilation import check_compilation, compile_networks, is_compiled
from gan3dinv_ns.eg3d.trial import largest_relative_error
from gan3dinv_ns.inversion.views import orbit_labels


@pytest.fixture
def generator(tiny_generator_file: Path) -> Generator:
    return load_generator(str(tiny_generator_file), torch.device("cpu"))


def seen(generator: Generator) -> dict[str, torch.Tensor]:
    """An image, and the gradients of its mean square for the latent and all weights."""
    label = orbit_labels(torch.tensor([0.3]), torch.tensor([0.1]), FOCAL, 2.7)
    ws = torch.randn(1, generator.num_ws, 512, generator=torch.Generator().manual_seed(0)).requires_grad_()
    image = generator.synthesis(ws, label, sampling="midpoint")["image"]
    weights = dict(generator.named_parameters())
    gradients = torch.autograd.grad(image.square().mean(), [ws, *weights.values()], allow_unused=True)
    named = zip(["ws", *weights], gradients, strict=True)
    return {"image": image.detach(), **{name: one for name, one in named if one is not None}}


def test_compiled_networks_have_the_same_image_and_gradients(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.Module, "compile", partialmethod(torch.nn.Module.compile, backend="aot_eager"))
    expected, state = seen(generator), set(generator.state_dict())
    check_compilation(generator)
    assert not is_compiled(generator)
    compile_networks(generator)
    assert is_compiled(generator)
    torch._dynamo.utils.counters.clear()
    torch.testing.assert_close(seen(generator), expected, rtol=1e-3, atol=1e-6)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 2
    assert set(generator.state_dict()) == state
    assert copy.deepcopy(generator.superresolution)._compiled_call_impl is None


def test_what_does_not_compile_is_refused_in_one_line(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no compiler\nand a long story")

    monkeypatch.setattr(torch.nn.Module, "compile", fail)
    message = r"^torch.compile does not run here \(RuntimeError: no compiler\); do without the option compile$"
    with pytest.raises(ValueError, match=message):
        check_compilation(generator)


@pytest.mark.parametrize("error", [0.5, float("nan")])
def test_what_compiles_wrongly_is_refused(generator: Generator, monkeypatch: pytest.MonkeyPatch, error: float) -> None:
    monkeypatch.setattr(compilation, "_largest_error", lambda generator: error)
    with pytest.raises(ValueError, match="differs from the networks as they are on this device"):
        check_compilation(generator)


def test_one_number_that_is_none_spoils_the_trial() -> None:
    whole, broken = torch.ones(2), torch.tensor([1.0, float("nan")])
    assert not largest_relative_error([whole, broken], [whole, whole]) <= 1e9
    assert not largest_relative_error([broken, whole], [whole, whole]) <= 1e9
