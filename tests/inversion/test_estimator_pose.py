"""Claims about a camera that is moved through the estimator's weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.rotations import orbit, rotation_angle
from gan3dinv_ns.encoders import Initialisers, PoseEstimator, PoseEstimatorConfig
from gan3dinv_ns.inversion.estimator_pose import EstimatorPose
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step


@pytest.fixture
def estimator() -> PoseEstimator:
    torch.manual_seed(0)
    return PoseEstimator(PoseEstimatorConfig(side=32, channels=(4, 4, 8, 8))).eval().requires_grad_(False)


def test_it_begins_anywhere_and_moves_with_the_weights(estimator: PoseEstimator) -> None:
    pose = EstimatorPose(estimator, torch.rand(1, 3, 64, 64), 2.7)
    wanted = orbit(0.4, -0.2)[:, :3, :3]
    pose.set_rotation(wanted)
    torch.testing.assert_close(pose.rotation(), wanted, atol=1e-5, rtol=0)
    angle = (pose.rotation() - orbit(0.5, -0.2)[:, :3, :3]).square().sum()
    angle.backward()
    assert all(weight.grad is not None for weight in pose.estimator.parameters())
    before = [weight.clone() for weight in estimator.parameters()]
    with torch.no_grad():
        for weight in pose.estimator.parameters():
            weight -= 0.02 * weight.grad
    moved = (pose.rotation() - orbit(0.5, -0.2)[:, :3, :3]).square().sum()
    assert float(moved.detach()) < float(angle.detach())
    assert all(torch.equal(a, b) for a, b in zip(before, estimator.parameters(), strict=True)), "it works on a copy"


def test_an_inversion_finds_the_camera_through_the_weights(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], short_settings: InversionSettings,
    estimator: PoseEstimator,
) -> None:  # fmt: skip
    settings = replace(
        short_settings,
        start=replace(short_settings.start, pose="canonical"),
        pose=replace(short_settings.pose, through="estimator", estimator_rate=0.3, estimate_weight=0.0),
        schedule=replace(short_settings.schedule, warmup_steps=40, project_steps=0, tune_steps=0),
    )
    photo, truth = toy_photo(0.2, 0.1), orbit(0.2, 0.1)[:, :3, :3]
    inversion = Inversion(toy_generator, toy_discriminator, photo, settings, Initialisers(estimator=estimator))
    optimizers = build_optimizers(inversion)
    for step in range(40):
        optimisation_step(inversion, optimizers, step)
    off = float(rotation_angle(inversion.pose.rotation().detach(), truth))
    assert off < 0.4 * float(rotation_angle(orbit(0.0, 0.0)[:, :3, :3], truth))


def test_without_an_estimator_it_is_refused_in_one_line(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], short_settings: InversionSettings
) -> None:
    settings = replace(short_settings, pose=replace(short_settings.pose, through="estimator"))
    with pytest.raises(ValueError, match=r"needs a pose estimator beside the generator"):
        Inversion(toy_generator, toy_discriminator, toy_photo(0.0, 0.0), settings)
