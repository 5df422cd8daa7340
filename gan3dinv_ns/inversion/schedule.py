"""Phases as data: which parameters are optimised when, for which losses, at which rate.

A loop or a trainer only asks the schedule. Steps count from 0 through all phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

Group = Literal["latent", "camera_pose", "generator"]
Loss = Literal[
    "reconstruction",
    "latent_prior",
    "warp",
    "photometric",
    "translation",
    "estimate",
    "noise",
    "depth_smoothness",
    "sides",
]


@dataclass(frozen=True)
class GroupPlan:
    """What one parameter group does during a phase."""

    group: Group
    """The parameters."""
    losses: tuple[Loss, ...]
    """Losses whose sum gives this group's gradient, and no other group's."""
    learning_rate: float
    """Largest learning rate of the phase (Adam)."""
    ramp_up: float = 0.0
    """Fraction of the phase during which the rate rises linearly from 0."""
    ramp_down: float = 0.0
    """Fraction of the phase during which the rate falls to 0 along a cosine."""

    def __post_init__(self) -> None:
        if not 0 <= self.learning_rate < math.inf:
            raise ValueError(f"the rate {self.learning_rate} of {self.group} cannot be taken; give 0 or more.")
        for name in ("ramp_up", "ramp_down"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} is no share of a phase; give 0 to 1.")

    def rate_at(self, fraction: float) -> float:
        """Learning rate at a fraction in [0, 1) of the phase (the ramp of StyleGAN2's projector).

        The rate of the first step is that of a rise already begun, never 0.
        """
        rate = self.learning_rate
        if self.ramp_down > 0:
            left = min(1.0, (1.0 - fraction) / self.ramp_down)
            rate *= 0.5 - 0.5 * math.cos(math.pi * left)
        if self.ramp_up > 0:
            rate *= min(1.0, fraction / self.ramp_up)
        return rate


@dataclass(frozen=True)
class Phase:
    """Some steps during which the same groups are optimised."""

    name: str
    """Shown to the user."""
    steps: int
    """Number of steps; 0 leaves the phase out."""
    plans: tuple[GroupPlan, ...]
    """The groups that are optimised; all others stand still."""
    stop_below: float | None = None
    """The phase ends with the step whose perceptual distance lies below this."""
    fewest_steps: int | None = None
    """From the step on at which rates would begin to fall if the phase had so many steps, they do so as soon as the
    photo comes out well enough, and the phase ends when they are down. None takes all steps."""
    enough_psnr: float = math.inf
    """What is well enough, dB."""

    def __post_init__(self) -> None:
        for steps in (self.steps, self.fewest_steps or 0):
            if steps < 0:
                raise ValueError(f"phase {self.name} has {steps} steps; give 0 or more.")
        if len({plan.group for plan in self.plans}) != len(self.plans):
            raise ValueError(f"phase {self.name} plans a parameter group twice; merge the two plans.")

    @property
    def groups(self) -> tuple[Group, ...]:
        """Names of the groups that are optimised."""
        return tuple(plan.group for plan in self.plans)

    @property
    def steps_down(self) -> int:
        """So many steps before the end the first of its rates begins to fall."""
        return round(self.steps * max((plan.ramp_down for plan in self.plans), default=0.0))

    def with_steps(self, steps: int) -> Phase:
        """The same with so many steps, which are then all taken; its rates rise and fall in as many as before."""
        share = self.steps / max(1, steps)
        plans = tuple(
            replace(plan, ramp_up=min(1.0, plan.ramp_up * share), ramp_down=min(1.0, plan.ramp_down * share))
            for plan in self.plans
        )
        return replace(self, steps=steps, plans=plans, fewest_steps=None)


@dataclass(frozen=True)
class PhasePoint:
    """A step's place in the schedule."""

    phase: Phase
    local_step: int
    """Step counted from the beginning of the phase."""

    @property
    def fraction(self) -> float:
        """How much of the phase lies behind, in [0, 1); the middle of the step counts."""
        return (self.local_step + 0.5) / self.phase.steps

    def steps_after(self, psnr: float, distance: float) -> int | None:
        """With how many steps the phase ends after one that gave this PSNR (dB) and this perceptual distance; None if
        with all that it has."""
        phase, done = self.phase, self.local_step + 1
        if phase.stop_below is not None and distance < phase.stop_below:
            return done
        if phase.fewest_steps is None or psnr < phase.enough_psnr:
            return None
        steps = done + phase.steps_down
        return steps if phase.fewest_steps <= steps < phase.steps else None


@dataclass(frozen=True)
class Schedule:
    """Phases one after the other."""

    phases: tuple[Phase, ...]

    @property
    def total_steps(self) -> int:
        """Steps of all phases together."""
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> PhasePoint:
        """Where a step belongs.

        Raises:
            ValueError: if the step lies outside of the schedule.
        """
        begin = 0
        for phase in self.phases:
            if 0 <= step - begin < phase.steps:
                return PhasePoint(phase, step - begin)
            begin += phase.steps
        raise ValueError(f"step {step} is outside of the schedule, which has steps 0 to {self.total_steps - 1}.")

    def with_steps(self, name: str, steps: int) -> Schedule:
        """The same schedule in which the phase of this name has so many steps; see :meth:`Phase.with_steps`."""
        return Schedule(tuple(one.with_steps(steps) if one.name == name else one for one in self.phases))

    def learning_rate(self, step: int, group: Group) -> float:
        """Learning rate of a group at a step; 0 where the group stands still."""
        point = self.phase_at(step)
        for plan in point.phase.plans:
            if plan.group == group:
                return plan.rate_at(point.fraction)
        return 0.0
