"""What a step reads back from the device, or sends there: a GPU finishes its work before it does either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.inversion.gradients import losses_and_gradients
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step
from gan3dinv_ns.inversion.step_inputs import step_inputs
from gan3dinv_ns.inversion.views import orbit_labels

_READING = {
    "_local_scalar_dense", "_linalg_check_errors", "is_nonzero", "nonzero", "masked_select", "equal", "_unique2",
    "unique_dim",
}  # fmt: skip
_SENDING = "lift_fresh"


class Waits(TorchDispatchMode):
    """Notes the operators whose result decides something on the host, and those that make a tensor of its numbers.

    A boolean index counts, as its size does, and so does an index by a list. What is made of numbers may be sent to the
    device, which on a GPU waits as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = args[1] if name.startswith("index") and len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
        if name in _READING | {_SENDING} or any(isinstance(one, Tensor) and one.dtype == torch.bool for one in masks):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("step", [1, 5, 8], ids=["warmup", "project", "tune"])
@pytest.mark.parametrize("photos", [1, 2, 5])
def test_losses_and_gradients_wait_for_nothing(
    make: Callable[..., Inversion], short_settings: InversionSettings, photos: int, step: int
) -> None:
    inversion = make(photos=photos, pose=replace(short_settings.pose, photometric_weight=1.0))
    optimizers = build_optimizers(inversion)
    # What changed may be read once: flags after the start, cameras that stand still in the first step of tuning.
    for earlier in range(step):
        optimisation_step(inversion, optimizers, earlier)
    assert inversion.has_started
    inputs = step_inputs(inversion, step)
    with Waits() as waits:
        assert inversion.has_started
        losses = losses_and_gradients(inversion, step, inputs)
    assert losses and waits.found == []


@pytest.mark.parametrize("limits", [(2.25, 3.3), (None, None)], ids=["fixed", "of the box"])
def test_rendering_and_its_gradients_wait_for_nothing_on_another_device(
    tiny_generator_file: Path, limits: tuple[float | None, float | None]
) -> None:
    # Without a GPU torch's device of shapes only takes the same way, and refuses to be read.
    label = orbit_labels(torch.tensor([0.3]), torch.tensor([0.1]), FOCAL, 2.7).to("meta")
    generator = load_generator(str(tiny_generator_file), torch.device("cpu")).to("meta")
    generator.set_rendering(ray_start=limits[0], ray_end=limits[1])
    ws = torch.randn(1, generator.num_ws, 512, device="meta")
    with Waits() as waits:
        rendered = generator.synthesis(ws, label)
        torch.stack([one.mean() for one in rendered.values()]).sum().backward()
    assert waits.found == []


def test_what_waits_is_noticed() -> None:
    values = torch.ones(3)
    with Waits() as waits:
        float(values.sum())
        values[values > 0]
        values[[0, 1]]
        values.new_tensor([1.0])
        torch.linalg.inv(torch.eye(2))
    assert waits.found == ["_local_scalar_dense", "index", "lift_fresh", "lift_fresh", "_linalg_check_errors"]
