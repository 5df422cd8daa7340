from __future__ import annotations

import importlib.util
import logging

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.backends import choice
from gan3dinv_ns.eg3d.backends.backend import TORCH
from gan3dinv_ns.eg3d.backends.choice import check_backend, largest_error, use_backend, with_fastest_backend


class _Device:
    """A generator's only parameter, on a device that this machine need not have."""

    def __init__(self, kind: str) -> None:
        self.device = torch.device(kind)


class _Elsewhere:
    backend = TORCH

    def __init__(self, kind: str = "cuda") -> None:
        self.kind = kind

    def parameters(self):
        return iter([_Device(self.kind)])


class _Backend:
    def __init__(self, name: str) -> None:
        self.name, self.tolerance = name, 1e-3


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Makes choice believe in a CUDA machine with the packages, the GPU and the trial's errors given."""

    def believe(installed=("triton", "tinycudann"), capability=(9, 0), errors=None) -> None:
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in installed else None)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        monkeypatch.setattr(choice, "_build", _Backend)

        def trial(backend: _Backend, generator: object) -> float:
            found = (errors or {}).get(backend.name, 0.0)
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(choice, "largest_error", trial)

    return believe


def chosen(name="auto", kind="cuda") -> tuple[str, str | None]:
    generator = _Elsewhere(kind)
    note = use_backend(generator, name)
    return generator.backend.name, note


def test_auto_takes_triton_on_a_cuda_device_and_says_nothing(machine):
    machine()
    assert chosen() == ("triton", None)


def test_auto_falls_from_one_to_the_next_in_one_line_with_the_reasons(machine):
    machine(installed=("tinycudann",))
    name, note = chosen()
    assert name == "tcnn" and note.startswith("Decoding with tiny-cuda-nn (Triton is not installed")
    machine(installed=())
    name, note = chosen()
    assert name == "torch" and "Triton is not installed" in note and "tiny-cuda-nn is not installed" in note
    assert "\n" not in note


def test_old_gpus_do_without_triton(machine):
    machine(installed=("triton",), capability=(6, 1))
    name, note = chosen()
    assert name == "torch" and "needs compute capability 7.0, and this GPU has 6.1" in note


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(RuntimeError("no C compiler\nfound"), "RuntimeError: no C compiler"), (0.02, "2.0e-02"), (float("nan"), "nan")],
)
def test_what_does_not_run_or_is_wrong_on_this_machine_is_not_taken(machine, trouble, words):
    machine(errors={"triton": trouble})
    name, note = chosen()
    assert name == "tcnn" and words in note and "\n" not in note
    with pytest.raises(ValueError, match="decoder backend triton") as error:
        chosen("triton")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_auto_is_torch_elsewhere_silently_on_a_cpu_and_in_one_line_on_others(machine):
    machine()
    assert chosen(kind="cpu") == ("torch", None)
    name, note = chosen(kind="mps")
    assert name == "torch" and "needs a CUDA device, not mps" in note and "\n" not in note


def test_a_named_backend_that_cannot_be_had_ends_with_the_reason_and_the_fix(machine):
    machine(installed=())
    with pytest.raises(
        ValueError, match=r'decoder backend tcnn is not installed \(pip install -e "\.\[tinycudann\]"\)'
    ):
        chosen("tcnn")
    with pytest.raises(ValueError, match=r"decoder backend triton is not installed \(pip install triton.*choose auto"):
        chosen("triton")
    with pytest.raises(ValueError, match="decoder backend triton needs a CUDA device, not cpu; choose auto or torch"):
        chosen("triton", "cpu")
    with pytest.raises(ValueError, match="decoder backend tcnn needs a CUDA device, not cpu; choose auto or torch"):
        check_backend("tcnn", torch.device("cpu"))
    assert chosen("torch") == ("torch", None)


def test_commands_without_the_option_take_the_fastest_and_warn(machine, caplog):
    machine(installed=())
    with caplog.at_level(logging.WARNING):
        assert with_fastest_backend(_Elsewhere()).backend == TORCH
    assert [record.getMessage() for record in caplog.records] == [chosen()[1]]


def test_torch_agrees_with_itself(small_config):
    assert largest_error(TORCH, Generator(small_config)) == 0.0


def synthesis(generator: Generator, ws: Tensor, label: Tensor) -> tuple[Tensor, ...]:
    """Renderings and the gradients of a step of tuning and projecting."""
    seen = generator.synthesis(ws, label, sampling="midpoint")
    loss = sum(one.square().mean() for one in seen.values())
    inputs = (ws, label, *generator.decoder.parameters())
    return *(one.detach() for one in seen.values()), *torch.autograd.grad(loss, inputs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("name", "package"), [("triton", "triton"), ("tcnn", "tinycudann")])
def test_on_a_gpu_values_and_gradients_are_those_of_torch(small_config, frontal, name, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    torch.manual_seed(0)
    generator = Generator(small_config).eval().cuda()
    generator.neural_rendering_resolution = 32
    ws = torch.randn(1, generator.num_ws, generator.w_dim).cuda().requires_grad_()
    label = frontal.cuda().requires_grad_()
    expected = synthesis(generator, ws, label)
    assert use_backend(generator, name) is None and generator.backend.name == name
    assert largest_error(generator.backend, generator, rays=500) <= generator.backend.tolerance
    for found, wanted in zip(synthesis(generator, ws, label), expected, strict=True):
        assert float((found - wanted).norm() / wanted.norm()) <= generator.backend.tolerance


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_auto_is_quiet_where_triton_runs(small_config):
    pytest.importorskip("triton")
    generator = Generator(small_config).cuda()
    assert use_backend(generator, "auto") is None and generator.backend.name == "triton"
