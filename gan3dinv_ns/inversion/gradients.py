"""The gradients of a step: by autograd, or by a replay of what it did in the first step of the phase."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.trial import Unusable, attempt, largest_relative_error, require_agreement
from gan3dinv_ns.inversion.schedule import Group
from gan3dinv_ns.inversion.step_inputs import StepInputs
from gan3dinv_ns.ops.cuda_graphs import Recorder, record_cuda_graph
from gan3dinv_ns.ops.seeding import random_state_kept

if TYPE_CHECKING:
    from gan3dinv_ns.inversion.state import Inversion

Losses = dict[Group, dict[str, Tensor]]

_TOLERANCE = 1e-2
"""Largest relative error of a replay; sums of many threads come in another order each time."""


def losses_and_gradients(inversion: Inversion, step: int, inputs: StepInputs) -> Losses:
    """Leaves each moving parameter the gradient of its own group's losses.

    Returns:
        the losses as from ``Inversion.step_losses``, without gradients.

    Raises:
        ValueError: if the step lies outside of the schedule.
    """
    losses = inversion.step_losses(step, inputs)
    moving = _moving(inversion, losses)
    for parameter in moving:
        parameter.grad = None
    torch.stack(_values(losses)).sum().backward(inputs=moving)
    return {group: {name: value.detach() for name, value in parts.items()} for group, parts in losses.items()}


@dataclass(frozen=True)
class _Recording:
    """A step that can be replayed: where it reads its inputs, and where its results lie."""

    phase: str
    inputs: StepInputs
    losses: Losses
    gradients: Sequence[tuple[Tensor, Tensor]]
    replay: Callable[[], object]

    def take(self, inputs: StepInputs) -> Losses:
        """The losses, and each parameter's gradient, for these inputs."""
        for place, value in zip(self.inputs, inputs, strict=True):
            place.copy_(value)
        self.replay()
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return self.losses


class ReplayedSteps:
    """Takes the gradients of steps by replaying the first one of their phase.

    A phase in which the camera moves alone is not recorded, as its tri-planes are made outside of it; nor are steps
    that look at some of the photos only. What cannot be recorded, or comes out wrong, is told once in a warning and
    done by autograd from then on.

    Args:
        record: what records.
    """

    def __init__(self, record: Recorder = record_cuda_graph) -> None:
        self._record = record
        self._kept: _Recording | None = None
        self._refused = False

    def losses_and_gradients(self, inversion: Inversion, step: int, inputs: StepInputs) -> Losses:
        """What the function of this name does, always for the same inversion."""
        phase = inversion.schedule.phase_at(step).phase.name
        if self._refused or not _same_work_each_time(inversion, step):
            return losses_and_gradients(inversion, step, inputs)
        if self._kept is not None and self._kept.phase == phase:
            return self._kept.take(inputs)
        self._kept = None
        try:
            with attempt():
                recording = self._recorded(inversion, step, inputs)
                require_agreement(_largest_error(recording, inversion, step, inputs), _TOLERANCE, "autograd")
        except Unusable as reason:
            self._refused = True
            logging.getLogger(__name__).warning("A recorded step %s; going on without CUDA graphs.", reason)
            return losses_and_gradients(inversion, step, inputs)
        self._kept = recording
        return recording.take(inputs)

    def _recorded(self, inversion: Inversion, step: int, inputs: StepInputs) -> _Recording:
        place = StepInputs(*(one.clone() for one in inputs))
        with random_state_kept(inversion.w.device):
            losses, replay = self._record(partial(losses_and_gradients, inversion, step, place))
        moving = _moving(inversion, losses)
        gradients = [(one, one.grad) for one in moving if one.grad is not None]
        return _Recording(inversion.schedule.phase_at(step).phase.name, place, losses, gradients, replay)


def _largest_error(recording: _Recording, inversion: Inversion, step: int, inputs: StepInputs) -> float:
    """Largest relative error of a replay's losses and gradients against autograd's, with the same random numbers."""
    results = []
    for take in (recording.take, partial(losses_and_gradients, inversion, step)):
        with random_state_kept(inversion.w.device):
            losses = take(inputs)
        gradients = (one.grad for one in _moving(inversion, losses) if one.grad is not None)
        results.append([one.clone() for one in (*_values(losses), *gradients)])
    return largest_relative_error(*results)


def _same_work_each_time(inversion: Inversion, step: int) -> bool:
    """Whether all steps of the phase do the same with other numbers."""
    groups = inversion.schedule.phase_at(step).phase.groups
    return groups != ("camera_pose",) and len(inversion.photos_at(step)) == len(inversion.target.photo)


def _values(losses: Losses) -> list[Tensor]:
    return [value for parts in losses.values() for value in parts.values()]


def _moving(inversion: Inversion, losses: Losses) -> list[Tensor]:
    groups = inversion.param_groups()
    return [parameter for group in losses for parameter in groups[group]]
