"""The plain loop: one photo in, a finished inversion out. No host framework is needed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gan3dinv_ns.eg3d import Discriminator, Generator
from gan3dinv_ns.encoders import Initialisers
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step

Progress = Callable[[int, str, dict[str, float]], None]
"""Told after each step its number, the phase's name and the step's metrics."""


def invert(
    generator: Generator,
    discriminator: Discriminator | None,
    photo: Tensor,
    settings: InversionSettings | None = None,
    progress: Progress | None = None,
    initialisers: Initialisers | None = None,
) -> Inversion:
    """Invert a photo.

    Args:
        generator, discriminator, photo, settings, initialisers: see :class:`~gan3dinv_ns.inversion.state.Inversion`.
        progress: see ``Progress``.

    Returns:
        the inversion in its final state (with a schedule of no steps, the one it starts in), on the generator's device.

    Raises:
        ValueError: for a photo of the wrong shape or settings that cannot be had.
    """
    inversion = Inversion(generator, discriminator, photo, settings, initialisers)
    optimise(inversion, progress)
    return inversion


def optimise(inversion: Inversion, progress: Progress | None = None) -> None:
    """Take an inversion that has not begun through its whole schedule, which may become shorter on the way.

    Args:
        inversion: changed in place.
        progress: see ``Progress``.
    """
    optimizers = build_optimizers(inversion)
    step = 0
    while step < inversion.schedule.total_steps:
        metrics = optimisation_step(inversion, optimizers, step)
        if progress is not None:
            progress(step, inversion.schedule.phase_at(step).phase.name, metrics)
        step += 1
    if not inversion.has_started:
        inversion.start()
