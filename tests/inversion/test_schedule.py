"""Laws of the schedule."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from gan3dinv_ns.inversion.schedule import GroupPlan, Phase, PhasePoint, Schedule
from gan3dinv_ns.inversion.settings import InversionSettings, PoseSettings, ScheduleSettings, untuned_settings

SCHEDULE = InversionSettings(schedule=ScheduleSettings(warmup_steps=15)).build_schedule()


def test_phases_come_in_the_order_of_algorithm_1() -> None:
    assert [phase.name for phase in SCHEDULE.phases] == ["warmup", "project", "tune"]
    assert [phase.groups for phase in SCHEDULE.phases] == [
        ("camera_pose",),
        ("latent", "camera_pose"),
        ("generator",),
    ]


def test_every_step_belongs_to_one_phase() -> None:
    counted = {phase.name: 0 for phase in SCHEDULE.phases}
    for step in range(SCHEDULE.total_steps):
        point = SCHEDULE.phase_at(step)
        assert 0 <= point.local_step < point.phase.steps
        assert 0 < point.fraction < 1
        counted[point.phase.name] += 1
    assert counted == {phase.name: phase.steps for phase in SCHEDULE.phases}


@pytest.mark.parametrize("step", [-1, SCHEDULE.total_steps])
def test_steps_outside_are_refused(step: int) -> None:
    with pytest.raises(ValueError, match=str(step)):
        SCHEDULE.phase_at(step)


def test_empty_phase_is_left_out() -> None:
    settings = replace(InversionSettings(), schedule=ScheduleSettings(warmup_steps=0))
    assert settings.build_schedule().phase_at(0).phase.name == "project"


def test_rates_are_zero_exactly_for_groups_that_stand_still() -> None:
    for step in range(SCHEDULE.total_steps):
        active = SCHEDULE.phase_at(step).phase.groups
        for group in ("latent", "camera_pose", "generator"):
            assert (SCHEDULE.learning_rate(step, group) > 0) == (group in active)


def test_rate_rises_then_holds_then_falls() -> None:
    plan = GroupPlan("latent", ("reconstruction",), 0.1, ramp_up=0.1, ramp_down=0.3)
    rates = [plan.rate_at((i + 0.5) / 100) for i in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert all(rate == pytest.approx(0.1) for rate in rates[10:70])
    assert rates[70:] == sorted(rates[70:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_rate_never_exceeds_its_maximum() -> None:
    plan = GroupPlan("latent", ("reconstruction",), 0.1, ramp_up=0.8, ramp_down=0.8)
    assert max(plan.rate_at(i / 50) for i in range(50)) <= 0.1


def test_a_phase_begins_where_the_one_before_ends() -> None:
    step = 0
    for phase in SCHEDULE.phases:
        assert SCHEDULE.phase_at(step) == PhasePoint(phase, 0)
        step += phase.steps
        assert SCHEDULE.phase_at(step - 1) == PhasePoint(phase, phase.steps - 1)
    assert step == SCHEDULE.total_steps


def test_without_pose_losses_the_camera_stands_still() -> None:
    settings = replace(InversionSettings(), pose=PoseSettings(warp_weight=0.0, reconstruction_weight=0.0))
    schedule = settings.build_schedule()
    assert all("camera_pose" not in phase.groups for phase in schedule.phases)
    assert schedule.phase_at(0).phase.name == "project"


def test_noise_is_regularised_only_when_it_is_optimised() -> None:
    noisy = replace(InversionSettings(), optimize_noise=True).build_schedule()
    assert "noise" in noisy.phases[1].plans[0].losses
    assert "noise" not in SCHEDULE.phases[1].plans[0].losses


@pytest.mark.parametrize(
    ("tuned", "psnr", "steps"),
    [(59, 40.0, None), (60, 29.9, None), (60, 30.0, 80), (101, 31.0, 121), (219, 31.0, 239), (220, 31.0, None)],
)
def test_tuning_ends_once_the_photo_is_good_but_not_before_its_fewest_steps(
    tuned: int, psnr: float, steps: int | None
) -> None:
    schedule = InversionSettings(
        schedule=ScheduleSettings(tune_steps=240, fewest_tune_steps=80, enough_psnr=30.0)
    ).build_schedule()
    begin = schedule.phases[0].steps + schedule.phases[1].steps
    assert schedule.phase_at(begin + tuned - 1).steps_after(psnr, math.inf) == steps
    assert schedule.phase_at(begin - 1).steps_after(99.0, 0.0) is None
    if steps is not None:
        shorter = schedule.with_steps("tune", steps)
        assert shorter.total_steps == begin + steps
        assert shorter.phase_at(begin + tuned).steps_after(99.0, math.inf) is None


@pytest.mark.parametrize("steps", [80, 121, 240])
def test_rates_rise_and_fall_in_as_many_steps_however_long_the_phase(steps: int) -> None:
    def rates(lengths: ScheduleSettings) -> list[float]:
        schedule = InversionSettings(schedule=lengths).build_schedule().with_steps("tune", steps)
        return [schedule.learning_rate(step, "generator") for step in range(schedule.total_steps)][-steps:]

    (plan,) = (
        InversionSettings(schedule=ScheduleSettings(tune_steps=80, fewest_tune_steps=80))
        .build_schedule()
        .phases[2]
        .plans
    )
    fixed = [plan.rate_at((step + 0.5) / 80) for step in range(80)]
    found = rates(ScheduleSettings(tune_steps=240, fewest_tune_steps=80))
    assert found[:60] == pytest.approx(fixed[:60]) and found[-20:] == pytest.approx(fixed[-20:])
    assert found[4:-20] == pytest.approx([plan.learning_rate] * (steps - 24))


@pytest.mark.parametrize("fewest", [40, 80])
def test_no_more_steps_than_the_fewest_are_all_taken(fewest: int) -> None:
    lengths = ScheduleSettings(tune_steps=40, fewest_tune_steps=fewest, enough_psnr=0.0)
    schedule = InversionSettings(schedule=lengths).build_schedule()
    assert [schedule.phase_at(step).steps_after(99.0, math.inf) for step in range(schedule.total_steps)] == [None] * 70


@pytest.mark.parametrize("tuned", [1, 80, 239])
def test_tuning_ends_at_once_where_nothing_is_left_to_see(tuned: int) -> None:
    schedule = InversionSettings(schedule=ScheduleSettings(stop_below=0.01)).build_schedule()
    point = schedule.phase_at(schedule.total_steps - schedule.phases[-1].steps + tuned - 1)
    assert point.steps_after(-math.inf, 0.009) == tuned
    assert point.steps_after(-math.inf, 0.01) is None


def test_negative_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="-3"):
        Phase("tune", -3, ())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"latent_rate": -0.1}, "the rate -0.1 of latent cannot be taken; give 0 or more"),
        ({"tune_rate": float("nan")}, "the rate nan of generator"),
        ({"ramp_up": 1.5}, "ramp_up 1.5 is no share of a phase; give 0 to 1"),
        ({"project_betas": (0.9, 1.0)}, "project_betas 1.0 cannot be taken; give 0 or more and less than 1"),
        ({"tune_momentum": -0.5}, "tune_momentum -0.5"),
        ({"superresolution_rate": float("inf")}, "superresolution_rate inf cannot be taken; give 0 or more"),
        ({"fewest_tune_steps": -1}, "phase tune has -1 steps; give 0 or more"),
    ],
)
def test_rates_that_cannot_be_taken_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        InversionSettings(schedule=replace(ScheduleSettings(), **changes)).build_schedule()


def test_a_group_cannot_be_planned_twice() -> None:
    plan = GroupPlan("latent", ("reconstruction",), 0.1)
    with pytest.raises(ValueError, match="twice"):
        Schedule((Phase("project", 3, (plan, plan)),))


@pytest.mark.parametrize("steps", [0, 1, 25, 200])
def test_an_untuned_inversion_has_as_many_steps_as_are_asked_for(steps: int) -> None:
    settings = untuned_settings("mean", "search", steps, InversionSettings())
    schedule = settings.build_schedule()
    assert schedule.total_steps == steps
    assert "tune" not in {schedule.phase_at(step).phase.name for step in range(steps)}
    assert (settings.start.latent, settings.start.pose) == ("mean", "search")


def test_a_negative_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 steps"):
        untuned_settings("mean", "search", -1, InversionSettings())
