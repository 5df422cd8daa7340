"""Claims about replayed steps.

What a CUDA graph does is done here by operators: those of a call are noted, and a replay runs them again on the same
tensors. A number that the host decides anew in each step, and that is no input, would stay what it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan3dinv_ns.inversion.gradients import ReplayedSteps
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step


class Noted(TorchDispatchMode):
    """The operators of a call, and where their results lie."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, result in self.calls:
            again = func(*args, **kwargs)
            for place, value in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(place, Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


class Recorder:
    """Records as described above; counts."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, call: Callable[[], Any]) -> tuple[Any, Callable[[], object]]:
        for _ in range(3):
            call()
        with Noted() as noted:
            result = call()
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            noted.replay()

        return result, replay


def run(inversion: Inversion) -> list[dict[str, float]]:
    """All steps, with what they tell."""
    optimizers = build_optimizers(inversion)
    return [optimisation_step(inversion, optimizers, step) for step in range(inversion.schedule.total_steps)]


@pytest.mark.parametrize("photos", [1, 2])
def test_replayed_steps_are_those_that_are_taken_one_by_one(make: Callable[..., Inversion], photos: int) -> None:
    plain, replayed, record = make(photos=photos), make(photos=photos), Recorder()
    replayed.replayed_steps = ReplayedSteps(record)
    expected, found = run(plain), run(replayed)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    for name, value in replayed.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name], rtol=1e-4, atol=1e-5, msg=name)
    # Of 3 steps of the camera alone, 4 of projection and 3 of tuning; a recording is replayed once more for comparison.
    assert (record.recorded, record.replayed) == (2, 2 + 7)


def test_with_more_photos_than_a_step_looks_at_nothing_is_recorded(make: Callable[..., Inversion]) -> None:
    inversion, record = make(photos=3, photos_per_step=2), Recorder()
    inversion.replayed_steps = ReplayedSteps(record)
    assert len(run(inversion)) == inversion.schedule.total_steps
    assert record.recorded == 0


def test_what_cannot_be_recorded_is_done_without_and_told_once(
    make: Callable[..., Inversion], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(call: Callable[[], Any]) -> Any:
        call()
        raise RuntimeError("operation not permitted when stream is capturing\nand a long story")

    plain, inversion = make(), make()
    inversion.replayed_steps = ReplayedSteps(fail)
    with caplog.at_level(logging.WARNING):
        assert run(inversion) == run(plain)
    assert [one.getMessage() for one in caplog.records] == [
        "A recorded step does not run here (RuntimeError: operation not permitted when stream is capturing); "
        "going on without CUDA graphs."
    ]


def test_a_replay_that_comes_out_wrong_is_not_used(
    make: Callable[..., Inversion], caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(call: Callable[[], Any]) -> tuple[Any, Callable[[], object]]:
        result, replay = Recorder()(call)

        def replay_wrongly() -> None:
            replay()
            for parts in result.values():
                for value in parts.values():
                    value.mul_(1.1)

        return result, replay_wrongly

    plain, inversion = make(), make()
    inversion.replayed_steps = ReplayedSteps(wrong)
    with caplog.at_level(logging.WARNING):
        assert run(inversion) == run(plain)
    assert len(caplog.records) == 1 and "differs from autograd" in caplog.text


def test_a_recorded_phase_goes_on_after_others_had_the_gradients(make: Callable[..., Inversion]) -> None:
    inversion, record = make(), Recorder()
    inversion.replayed_steps = ReplayedSteps(record)
    optimizers = build_optimizers(inversion)
    for step in range(5):
        optimisation_step(inversion, optimizers, step)
    before = inversion.w.detach().clone()
    inversion.w.grad = None
    optimisation_step(inversion, optimizers, 5)
    assert record.recorded == 1 and not torch.equal(inversion.w, before)
