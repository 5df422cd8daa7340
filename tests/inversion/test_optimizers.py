"""Claims about what moves the parameters, and about what is left of it in a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.inversion.optimizers import build_optimizers, restore_optimizers
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step

Make = Callable[..., Inversion]
TUNING = 7
"""The first step of tuning in the short settings."""


def _weights(inversion: Inversion) -> tuple[list[Tensor], list[Tensor]]:
    """Copies of what is not the super-resolution's, and of its convolutions."""
    generator = inversion.generator
    shaping = [
        weight.detach().clone() for weight in (*generator.backbone.parameters(), *generator.decoder.parameters())
    ]
    drawing = [weight.detach().clone() for weight in generator.superresolution.parameters() if weight.ndim == 4]
    return shaping, drawing


def _moves(inversion: Inversion) -> tuple[float, float]:
    """How far one step of tuning moves either of them."""
    optimizers = build_optimizers(inversion)
    inversion.start()
    before = _weights(inversion)
    optimisation_step(inversion, optimizers, TUNING)
    shaping, drawing = (
        sum(float((a - b).abs().sum()) for a, b in zip(new, old, strict=True))
        for new, old in zip(_weights(inversion), before, strict=True)
    )
    return shaping, drawing


def test_muon_has_the_momentum_of_the_settings(make: Make, short_settings: InversionSettings) -> None:
    muon = build_optimizers(make(schedule=replace(short_settings.schedule, tune_momentum=0.6)))["generator"]
    assert {group["momentum"] for group in muon.param_groups} == {0.6}


def test_the_super_resolution_has_a_rate_of_its_own(make: Make, short_settings: InversionSettings) -> None:
    still, once, thrice = (
        _moves(make(schedule=replace(short_settings.schedule, superresolution_rate=factor))) for factor in (0, 1, 3)
    )
    assert still[0] == once[0] == thrice[0] > 0
    assert still[1] == 0 and thrice[1] == pytest.approx(3 * once[1], rel=1e-4)


def test_adam_alone_moves_all_weights_at_one_rate(make: Make, short_settings: InversionSettings) -> None:
    lengths = replace(short_settings.schedule, tune_optimizer="adam", superresolution_rate=0.0)
    assert all(move > 0 for move in _moves(make(schedule=lengths)))


def test_every_tuned_weight_is_moved_by_its_optimiser_once(make: Make) -> None:
    inversion = make()
    moved = [weight for group in build_optimizers(inversion)["generator"].param_groups for weight in group["params"]]
    assert sorted(map(id, moved)) == sorted(map(id, inversion.param_groups()["generator"]))


def test_what_is_remembered_survives_another_grouping_of_the_weights(make: Make) -> None:
    first, second = make(), make()
    optimizers, restored = build_optimizers(first), build_optimizers(second)
    for step in range(TUNING + 2):
        optimisation_step(first, optimizers, step)
    states = copy.deepcopy({name: optimizer.state_dict() for name, optimizer in optimizers.items()})
    backbone, drawing, others = states["generator"]["param_groups"]
    together = {**backbone, "params": [*backbone["params"], *drawing["params"]]}
    states["generator"]["param_groups"] = [together, others]
    second.load_state_dict(first.state_dict())
    restore_optimizers(restored, states)
    for inversion, each in ((first, optimizers), (second, restored)):
        optimisation_step(inversion, each, TUNING + 2)
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


def test_a_state_of_other_weights_or_none_is_refused(make: Make) -> None:
    optimizers = build_optimizers(make())
    states = {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
    states["latent"]["param_groups"][0]["params"].append(7)
    with pytest.raises(ValueError, match="optimiser of latent has 2 parameters, this run's 1"):
        restore_optimizers(optimizers, states)
    with pytest.raises(ValueError, match="optimiser of latent has 0 parameters, this run's 1"):
        restore_optimizers(optimizers, {})
