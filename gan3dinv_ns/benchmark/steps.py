"""Steps of an optimisation in each phase, and whole inversions, of pictures that the generator can make."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gan3dinv_ns.benchmark.measurement import Measurement, measured
from gan3dinv_ns.benchmark.stages import Tell
from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Discriminator, Generator
from gan3dinv_ns.eg3d.compilation import compile_networks
from gan3dinv_ns.eg3d.untrained import untrained_networks
from gan3dinv_ns.encoders import Initialisers
from gan3dinv_ns.inversion.gradients import ReplayedSteps
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.run import optimise
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step
from gan3dinv_ns.losses.perceptual import PerceptualDistance, build_perceptual

_YAWS_RAD = (0.3, -0.2, 0.1, -0.4)
_PITCH_RAD = 0.1
_TRUNCATION = 0.7


@dataclass(frozen=True)
class Networks:
    """What inverts: see :class:`~gan3dinv_ns.inversion.state.Inversion`."""

    generator: Generator
    discriminator: Discriminator | None
    initialisers: Initialisers | None
    settings: InversionSettings
    perceptual: PerceptualDistance | None = None
    compiled: bool = False
    """Whether inversions compile their networks, see :mod:`~gan3dinv_ns.eg3d.compilation`."""
    replayed: bool = False
    """Whether inversions replay their steps as CUDA graphs, see :mod:`~gan3dinv_ns.inversion.gradients`."""

    @classmethod
    def untrained(cls, name: str, settings: InversionSettings, device: torch.device) -> Networks:
        """Those of a published name with random weights, LPIPS too, if the settings take it.

        Raises:
            ValueError: the name is not known.
        """
        generator, discriminator = untrained_networks(name, device)
        perceptual = build_perceptual(settings.perceptual, discriminator, device, trained=False)
        return cls(generator, discriminator, None, settings, perceptual)

    def inversion(self, photos: int = 1) -> Inversion:
        """One that has not begun, of so many photos (1 to 4) of a sample of the generator.

        Raises:
            ValueError: the perceptual distance of the settings cannot be had.
        """
        sample = self._sample(photos)
        inversion = Inversion(
            self.generator, self.discriminator, sample, self.settings, self.initialisers, self.perceptual
        )  # fmt: skip
        if self.compiled:
            compile_networks(inversion.generator)
        if self.replayed:
            inversion.replayed_steps = ReplayedSteps()
        return inversion

    @torch.no_grad()
    def _sample(self, photos: int) -> Tensor:
        device = next(self.generator.parameters()).device
        cameras = torch.cat([orbit(yaw, _PITCH_RAD) for yaw in _YAWS_RAD[:photos]])
        label = camera_label(cameras, intrinsics_matrix()).to(device)
        z = torch.randn(1, self.generator.z_dim, generator=torch.Generator().manual_seed(1)).to(device)
        ws = self.generator.mapping(z, label[:1], _TRUNCATION).expand(photos, -1, -1)
        return self.generator.synthesis(ws, label, sampling="midpoint")["image"].clamp(-1, 1)


@dataclass(frozen=True)
class InversionTime:
    """A whole inversion.

    Attributes:
        seconds: from the networks in memory to the result, by name: "start" (what comes before the first step), the
            phases, and "whole".
        steps: that were taken.
        psnr: of the photo at the last step, dB.
    """

    seconds: dict[str, float]
    steps: int
    psnr: float


def step_suite(networks: Networks, repeats: int, tell: Tell, photos: int = 1) -> list[Measurement]:
    """Measure a step of each phase, its optimisers' included.

    Args:
        networks: stay as they are.
        repeats: timed steps of each phase, after one that does not count.
        tell: see :data:`~gan3dinv_ns.benchmark.stages.Tell`.
        photos: of one head that are inverted together, 1 to 4.

    Raises:
        ValueError: `repeats` is less than 1, or the perceptual distance cannot be had.
    """
    inversion = networks.inversion(photos)
    optimizers, generators = build_optimizers(inversion), [inversion.generator, inversion.untuned]
    rows, first = [], 0
    for phase in inversion.schedule.phases:
        if phase.steps == 0:
            continue
        tell(f"step in {phase.name}")
        call = partial(optimisation_step, inversion, optimizers, first + phase.steps // 2)
        counted = partial(_by_autograd, inversion, call)
        rows.append(measured(f"step in {phase.name}", call, repeats, generators, counted))
        first += phase.steps
    return rows


def _by_autograd(inversion: Inversion, step: Callable[[], object]) -> None:
    """Takes a step without replaying one, whose operators cannot be seen."""
    replayed, inversion.replayed_steps = inversion.replayed_steps, None
    step()
    inversion.replayed_steps = replayed


def inversion_suite(networks: Networks, tell: Tell) -> InversionTime:
    """Run one inversion and note when its phases end.

    Raises:
        ValueError: the perceptual distance cannot be had.
    """
    tell("inversion")
    begin = time.perf_counter()
    inversion = networks.inversion()
    inversion.start()
    ends = {"start": time.perf_counter()}
    steps, psnr = 0, math.nan

    def watch(step: int, phase: str, metrics: dict[str, float]) -> None:
        nonlocal steps, psnr
        ends[phase] = time.perf_counter()
        steps, psnr = step + 1, metrics.get("psnr", psnr)

    optimise(inversion, watch)
    seconds = {
        name: round(end - before, 2) for (name, end), before in zip(ends.items(), (begin, *ends.values()), strict=False)
    }
    seconds["whole"] = round(time.perf_counter() - begin, 2)
    return InversionTime(seconds, steps, round(psnr, 2))
