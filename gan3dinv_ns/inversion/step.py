"""One step of the optimisation, the same for every loop that drives it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan3dinv_ns.inversion.gradients import losses_and_gradients
from gan3dinv_ns.inversion.schedule import Group
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step_inputs import step_inputs
from gan3dinv_ns.losses.noise import normalize_noise
from gan3dinv_ns.ops.seeding import random_state_kept


def optimisation_step(inversion: Inversion, optimizers: Mapping[str, Optimizer], step: int) -> dict[str, float]:
    """Take one step: the active groups' losses, each group's own gradient, one step of each optimiser.

    The random numbers of a step depend on the settings' seed and the step only; the caller's random state is left
    as it was. The first step searches the starting pose before.

    Args:
        inversion: changed in place.
        optimizers: by group name, as from ``build_optimizers``; learning rates are overwritten.
        step: in the schedule's range.

    Returns:
        every weighted loss as "group/name", and "psnr" in dB where the whole picture was rendered.
        ``inversion.schedule`` becomes shorter once the photo comes out well enough.

    Raises:
        ValueError: if the step lies outside of the schedule.
        FloatingPointError: if a loss is not finite.
    """
    with random_state_kept(inversion.w.device), torch.enable_grad():
        torch.manual_seed(inversion.settings.seed * 1_000_003 + step)
        if not inversion.has_started:
            inversion.start()
        inputs, replayed = step_inputs(inversion, step), inversion.replayed_steps
        take = losses_and_gradients if replayed is None else replayed.losses_and_gradients
        losses = take(inversion, step, inputs)
    metrics = _read(losses, step)
    for group in losses:
        for options in optimizers[group].param_groups:
            options["lr"] = inversion.schedule.learning_rate(step, group) * options.get("rate_factor", 1.0)
        optimizers[group].step()
    if inversion.settings.optimize_noise and "latent" in losses:
        normalize_noise(inversion.noise_maps)
    _judge(inversion, metrics, step)
    return metrics


def _read(losses: Mapping[Group, Mapping[str, Tensor]], step: int) -> dict[str, float]:
    """The losses by "group/name". Raises: FloatingPointError if one of them is not finite."""
    named = {f"{group}/{name}": value for group, parts in losses.items() for name, value in parts.items()}
    # All at once, and after the backward pass was asked for: a GPU is waited for once in a step.
    metrics = dict(zip(named, torch.stack(list(named.values())).tolist(), strict=True))
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise FloatingPointError(f"loss {name} is not finite at step {step}; lower the learning rate.")
    return metrics


def _judge(inversion: Inversion, metrics: dict[str, float], step: int) -> None:
    """Add the PSNR, and shorten the schedule where the photo comes out well enough."""
    weights, distance = inversion.settings.reconstruction, math.inf
    for group in ("latent", "generator"):
        if f"{group}/pixels" in metrics:
            error = metrics[f"{group}/pixels"] / weights.pixels
            metrics["psnr"] = 10.0 * math.log10(4.0 / max(error, 1e-12))
        if f"{group}/perceptual" in metrics:
            distance = metrics[f"{group}/perceptual"] / weights.perceptual
    point = inversion.schedule.phase_at(step)
    steps = point.steps_after(metrics.get("psnr", -math.inf), distance)
    if steps is not None:
        inversion.end_tuning(steps)
