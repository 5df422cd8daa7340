"""What a step reads back from the device: on a GPU each such read waits for all work that was asked for before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import build_optimizers, optimisation_step
from gan3dinv_ns.inversion.views import orbit_labels

_READING = {"_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "_unique2", "unique_dim"}


class Reads(TorchDispatchMode):
    """Notes the operators whose result decides something on the host; a boolean index counts, as its size does."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = args[1] if name.startswith("index") and len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
        if name in _READING or any(isinstance(one, Tensor) and one.dtype == torch.bool for one in masks):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def inversion(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], short_settings: InversionSettings
) -> Inversion:
    return Inversion(toy_generator, toy_discriminator, toy_photo(0.3, 0.1, 2), short_settings)


@pytest.mark.parametrize("step", [1, 5, 8], ids=["warmup", "project", "tune"])
def test_losses_and_gradients_read_nothing_back(inversion: Inversion, step: int) -> None:
    optimizers = build_optimizers(inversion)
    # What changed may be read once: flags after the start, cameras that stand still in the first step of tuning.
    for earlier in range(step):
        optimisation_step(inversion, optimizers, earlier)
    assert inversion.has_started
    with Reads() as reads:
        assert inversion.has_started and not inversion.has_converged
        losses = inversion.step_losses(step)
        torch.stack([value for parts in losses.values() for value in parts.values()]).sum().backward()
    assert losses and reads.found == []


def test_rendering_and_its_gradients_read_nothing_back(tiny_generator_file: Path) -> None:
    generator = load_generator(str(tiny_generator_file), torch.device("cpu"))
    label = orbit_labels(torch.tensor([0.3]), torch.tensor([0.1]), FOCAL, 2.7)
    ws = torch.randn(1, generator.num_ws, 512)
    with Reads() as reads:
        rendered = generator.synthesis(ws, label)
        torch.stack([one.mean() for one in rendered.values()]).sum().backward()
    assert reads.found == []


def test_a_read_is_noticed() -> None:
    values = torch.ones(3)
    with Reads() as reads:
        float(values.sum())
        values[values > 0]
    assert reads.found == ["_local_scalar_dense", "index"]
