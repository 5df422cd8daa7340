"""Claims about the state of an inversion and its steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.poses import SixDPose
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.encoders import EstimatedPose
from gan3dinv_ns.evaluation.metrics import psnr
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.run import invert, optimise
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step

Make = Callable[..., Inversion]


def _steps(inversion: Inversion, begin: int, end: int, optimizers: Any = None) -> Any:
    optimizers = optimizers or build_optimizers(inversion)
    for step in range(begin, end):
        optimisation_step(inversion, optimizers, step)
    return optimizers


def _copy(inversion: Inversion) -> dict[str, list[Tensor]]:
    return {
        group: [parameter.detach().clone() for parameter in parameters]
        for group, parameters in inversion.param_groups().items()
    }


def _changed(inversion: Inversion, before: dict[str, list[Tensor]]) -> set[str]:
    groups = inversion.param_groups().items()
    return {
        group
        for group, parameters in groups
        if any(not torch.equal(a, b) for a, b in zip(parameters, before[group], strict=True))
    }


class Oracle:
    """Initialisers that say what they are told to."""

    w = torch.linspace(-1, 1, 16)[None]
    estimator_with_roll = None

    def encoder(self, photo: Tensor) -> Tensor:
        return self.w

    def estimator(self, photo: Tensor) -> EstimatedPose:
        return EstimatedPose(orbit(0.2, -0.1)[:, :3, :3], torch.zeros(1, 2))


def test_encoder_and_estimator_give_the_first_latent_and_pose(make: Make, short_settings: InversionSettings) -> None:
    inversion = make(Oracle(), start=replace(short_settings.start, check=False))
    inversion.start()
    assert torch.equal(inversion.w.detach()[:, 0], Oracle.w)
    assert inversion.pose.yaw_pitch() == pytest.approx((0.2, -0.1), abs=1e-5)
    assert torch.equal(inversion.latent_prior.mean, Oracle.w[0]), "likely heads are those near the first one"


def test_the_start_can_leave_either_of_them_out(make: Make, short_settings: InversionSettings) -> None:
    start = replace(short_settings.start, latent="mean", pose="canonical")
    inversion = make(Oracle(), start=start)
    inversion.start()
    assert float(inversion.w.detach().abs().max()) == 0 and inversion.pose.yaw_pitch() == (0.0, 0.0)
    searched, alone = make(Oracle(), start=replace(start, pose="search")), make()
    torch.manual_seed(0)
    searched.start()
    torch.manual_seed(0)
    alone.start()
    assert searched.pose.yaw_pitch() == alone.pose.yaw_pitch() != (0.0, 0.0)


def test_the_camera_is_held_near_the_estimate_by_the_squared_angle(
    make: Make, short_settings: InversionSettings
) -> None:
    inversion = make(Oracle(), start=replace(short_settings.start, check=False))
    inversion.start()
    weight = inversion.settings.pose.estimate_weight
    assert float(inversion.step_losses(0)["camera_pose"]["estimate"].detach()) == pytest.approx(0, abs=1e-9)
    inversion.pose.set_rotation(orbit(0.25, -0.1)[:, :3, :3])
    loss = float(inversion.step_losses(0)["camera_pose"]["estimate"].detach())
    assert loss == pytest.approx(weight * (0.05 * math.cos(0.1)) ** 2, rel=1e-2)
    assert "estimate" not in make().step_losses(0)["camera_pose"], "without an estimator there is nothing to hold to"


def test_without_translation_the_camera_always_looks_at_the_origin(
    make: Make, short_settings: InversionSettings
) -> None:
    free, held = make(), make(pose=replace(short_settings.pose, translate=False))
    for inversion in (free, held):
        _steps(inversion, 0, 4)
    assert float(free.pose.translation.detach().abs().max()) > 0
    assert torch.equal(held.pose.translation.detach(), torch.zeros(1, 2))
    assert held.pose.yaw_pitch() != (0.0, 0.0) and "translation" not in held.step_losses(0)["camera_pose"]


def test_tuning_is_held_to_what_it_found_at_the_sides(make: Make) -> None:
    inversion = make()
    _steps(inversion, 0, 1)
    tune = inversion.schedule.total_steps - 1
    first = inversion.step_losses(tune)["generator"]
    assert float(first["sides"].detach()) == pytest.approx(0, abs=1e-9), "nothing is tuned yet"
    with torch.no_grad():
        inversion.generator.decoder.skin.add_(0.2)
    assert float(inversion.step_losses(tune)["generator"]["sides"].detach()) > 1e-3
    assert "sides" not in make(sides_weight=0.0).step_losses(tune)["generator"]


def test_only_the_phases_groups_change(make: Make) -> None:
    inversion = make()
    inversion.start()
    optimizers = build_optimizers(inversion)
    for step in range(inversion.schedule.total_steps):
        before = _copy(inversion)
        optimisation_step(inversion, optimizers, step)
        assert _changed(inversion, before) == set(inversion.schedule.phase_at(step).phase.groups)


def test_mapping_network_and_given_generator_stay_untouched(make: Make, toy_generator: Any) -> None:
    before = {name: value.clone() for name, value in toy_generator.state_dict().items()}
    inversion = make()
    _steps(inversion, 0, inversion.schedule.total_steps)
    assert all(torch.equal(value, before[name]) for name, value in toy_generator.state_dict().items())


def test_each_group_gets_only_its_own_gradient(make: Make, short_settings: InversionSettings) -> None:
    inversion = make(pose=replace(short_settings.pose, photometric_weight=1.0, reconstruction_weight=0.0))
    step = short_settings.schedule.warmup_steps
    losses = inversion.step_losses(step)
    assert set(losses) == {"latent", "camera_pose"}
    groups = inversion.param_groups()
    for own, other in (("latent", "camera_pose"), ("camera_pose", "latent")):
        total = torch.stack(list(losses[own].values())).sum()
        gradients = torch.autograd.grad(total, groups[other], allow_unused=True, retain_graph=True)
        assert all(gradient is None for gradient in gradients)
        gradients = torch.autograd.grad(total, groups[own], allow_unused=True, retain_graph=True)
        assert any(gradient is not None and float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_resumed_run_repeats_an_uninterrupted_one(make: Make) -> None:
    whole = make()
    total = whole.schedule.total_steps
    _steps(whole, 0, total)
    for stop in (2, total - 2):
        first = make()
        optimizers = _steps(first, 0, stop)
        states = {group: optimizer.state_dict() for group, optimizer in optimizers.items()}
        second = make()
        second.load_state_dict(first.state_dict())
        resumed = build_optimizers(second)
        for group, optimizer in resumed.items():
            optimizer.load_state_dict(states[group])
        torch.rand(7)
        _steps(second, stop, total, resumed)
        for name, value in whole.state_dict().items():
            torch.testing.assert_close(second.state_dict()[name], value, msg=lambda text, name=name: f"{name}: {text}")


def test_tuning_ends_as_soon_as_the_photo_is_good(make: Make, short_settings: InversionSettings) -> None:
    lengths = replace(short_settings.schedule, tune_steps=12, fewest_tune_steps=4, enough_psnr=0.0)
    inversion, tuned = make(schedule=lengths), []
    optimise(inversion, lambda step, name, _: tuned.append(step) if name == "tune" else None)
    assert tuned == [7, 8, 9, 10]
    assert inversion.schedule.learning_rate(10, "generator") < inversion.schedule.learning_rate(9, "generator")
    hard = make(schedule=replace(lengths, enough_psnr=99.0))
    optimise(hard)
    assert hard.schedule.total_steps == 19 and not int(hard.tuned_steps)


def test_an_end_that_is_known_is_kept_for_the_resumed_run(make: Make, short_settings: InversionSettings) -> None:
    lengths = replace(short_settings.schedule, tune_steps=12, fewest_tune_steps=4, enough_psnr=0.0)
    first, second = make(schedule=lengths), make(schedule=lengths)
    assert second.schedule.total_steps == 19
    _steps(first, 0, 10)
    second.load_state_dict(first.state_dict())
    assert second.schedule == first.schedule and second.schedule.total_steps == 11


def test_a_state_of_before_the_end_was_a_number_can_be_loaded(make: Make) -> None:
    state = make().state_dict() | {"converged": torch.tensor(True)}
    del state["tuned_steps"]
    inversion = make()
    inversion.load_state_dict(state)
    assert inversion.schedule.total_steps == 10


def test_a_step_leaves_the_callers_random_numbers_alone(make: Make) -> None:
    inversion = make()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    _steps(inversion, 0, 1)
    assert torch.equal(torch.rand(3), expected)


def test_state_holds_no_frozen_network(make: Make) -> None:
    names = set(make().state_dict())
    own = {"w", "started", "tuned_steps"}
    assert own | {"pose.angles", "pose.translation"} <= names
    assert all(name.startswith(("generator.", "pose.")) or name in own for name in names)


def test_steps_lower_the_loss_of_every_phase(make: Make, short_settings: InversionSettings) -> None:
    schedule = replace(short_settings.schedule, warmup_steps=8, project_steps=25, tune_steps=15)
    inversion = make(schedule=schedule, latent_noise=0.0)
    optimizers = build_optimizers(inversion)
    seen = [optimisation_step(inversion, optimizers, step) for step in range(schedule.warmup_steps + 40)]
    project, tune = seen[8:33], seen[33:]
    assert project[-1]["latent/pixels"] < 0.5 * project[0]["latent/pixels"]
    assert tune[-1]["generator/pixels"] < 0.9 * tune[0]["generator/pixels"]
    assert tune[-1]["psnr"] > project[0]["psnr"] + 5


def test_warp_and_small_renderings_recover_the_camera(make: Make, short_settings: InversionSettings) -> None:
    schedule = replace(short_settings.schedule, warmup_steps=10, project_steps=60, tune_steps=0)
    pose = replace(short_settings.pose, photometric_weight=1.0, reconstruction_weight=0.0)
    inversion = make(schedule=schedule, pose=pose)
    _steps(inversion, 0, 70)
    yaw, pitch = inversion.pose.yaw_pitch()
    assert yaw == pytest.approx(0.3, abs=0.08)
    assert pitch == pytest.approx(0.1, abs=0.2)  # eyes and mouth that move up look like a lower camera


def test_tuning_stops_at_the_threshold(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], short_settings: InversionSettings
) -> None:
    settings = replace(short_settings, schedule=replace(short_settings.schedule, stop_below=10.0))
    seen: list[tuple[int, str]] = []
    inversion = invert(
        toy_generator,
        toy_discriminator,
        toy_photo(0.2, 0.0, 1),
        settings,
        lambda step, name, _: seen.append((step, name)),
    )
    assert seen[-1] == (7, "tune")
    assert inversion.schedule.total_steps == 8


@pytest.mark.parametrize("target", ["photo", "rendering"])
def test_warp_loss_alone_moves_the_camera(make: Make, short_settings: InversionSettings, target: str) -> None:
    pose = replace(short_settings.pose, reconstruction_weight=0.0, translation_weight=0.0, warp_target=target)
    inversion = make(pose=pose)
    inversion.start()
    before = inversion.camera_pose.detach().clone()
    metrics = optimisation_step(inversion, build_optimizers(inversion), 0)
    assert set(metrics) == {"camera_pose/warp"}
    assert not torch.equal(inversion.camera_pose.detach(), before)


def test_translation_costs_the_squared_way_from_the_first(make: Make, short_settings: InversionSettings) -> None:
    class Shifting(Oracle):
        def estimator(self, photo: Tensor) -> EstimatedPose:
            return EstimatedPose(orbit(0.2, -0.1)[:, :3, :3], torch.tensor([[0.3, 0.4]]))

    inversion = make(Shifting(), start=replace(short_settings.start, check=False))
    inversion.start()
    first = inversion.pose.translation.detach().clone()
    torch.testing.assert_close(first, torch.tensor([[0.3, 0.4]]), rtol=0, atol=1e-3)
    with torch.no_grad():
        inversion.pose.translation.add_(torch.tensor([[0.1, -0.2]]))
    weight = inversion.settings.pose.translation_weight
    loss = inversion.step_losses(0)["camera_pose"]["translation"]
    torch.testing.assert_close(loss.detach(), torch.tensor(0.05 * weight), rtol=1e-4, atol=0)


def test_the_prior_keeps_the_latent_nearer_to_the_mean(make: Make) -> None:
    lengths = []
    for weight in (0.0, 10.0):
        inversion = make(latent_prior_weight=weight)
        _steps(inversion, 0, sum(phase.steps for phase in inversion.schedule.phases[:2]))
        lengths.append(float(inversion.latent_prior.loss(inversion.w).detach()))
    assert lengths[1] < 0.5 * lengths[0]


def test_sixd_pose_is_optimised_too(make: Make, short_settings: InversionSettings) -> None:
    inversion = make(pose=replace(short_settings.pose, kind="sixd"))
    assert isinstance(inversion.pose, SixDPose)
    _steps(inversion, 0, 5)
    rotation = inversion.camera_pose.detach()[0, :3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-5, rtol=0)


def test_optimised_noise_stays_normalised_and_is_saved(make: Make) -> None:
    inversion = make(optimize_noise=True)
    with torch.no_grad():
        inversion.noise_maps[0].normal_()
    before = inversion.noise_maps[0].clone()
    _steps(inversion, 0, 5)
    after = inversion.noise_maps[0].detach()
    assert not torch.equal(after, before)
    torch.testing.assert_close(after.square().mean(), torch.tensor(1.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(inversion.state_dict()["generator.backbone.synthesis.noise_const"], after)


def test_cached_planes_follow_every_change(make: Make) -> None:
    inversion = make()
    first = inversion.planes()
    assert inversion.planes() is first
    with torch.no_grad():
        inversion.w.add_(0.5)
    assert not torch.equal(inversion.planes(), first)
    second = inversion.planes()
    inversion.load_state_dict(make().state_dict())
    torch.testing.assert_close(inversion.planes(), first)
    assert inversion.planes() is not second


def test_rendering_is_repeatable_and_without_gradient(make: Make) -> None:
    inversion = make()
    label = inversion.label.detach()
    views = inversion.render(torch.cat([label, inversion.canonical_label]))  # type: ignore[list-item]
    assert views["image"].shape == (2, 3, 64, 64) and views["image_depth"].shape == (2, 1, 32, 32)
    assert not views["image"].requires_grad
    assert psnr(inversion.novel_view(label), views["image"][:1]) == 100.0
    assert inversion.render(label, resolution=16, fast=True)["image_raw"].shape == (1, 3, 16, 16)


def test_photo_of_another_size_is_refused(make: Make, toy_generator: Any) -> None:
    with pytest.raises(ValueError, match="64"):
        Inversion(toy_generator, None, torch.zeros(1, 3, 32, 32))


def test_infinite_loss_is_reported(make: Make) -> None:
    inversion = make()
    inversion.start()
    with torch.no_grad():
        inversion.w.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="step 3"):
        _steps(inversion, 3, 4)
