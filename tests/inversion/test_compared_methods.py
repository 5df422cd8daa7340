"""Claims about what the compared methods need: a latent for each layer, and the camera by plain gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.poses import CameraPose
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.results import measure
from gan3dinv_ns.inversion.run import optimise
from gan3dinv_ns.inversion.settings import InversionSettings, PoseSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step

Make = Callable[..., Inversion]

YAW, PITCH = 0.3, 0.1


@pytest.fixture
def make(make: Make) -> Make:
    """Inversions by nothing but the reconstruction."""
    return partial(make, latent_prior_weight=0.0, latent_noise=0.0)


def _by_gradient(settings: InversionSettings) -> PoseSettings:
    """The camera of Algorithm 3."""
    return replace(settings.pose, warp_weight=0.0, reconstruction_weight=1.0, translation_weight=0.0)


def test_layers_of_w_plus_start_alike_and_part(make: Make) -> None:
    inversion = make(latent_space="w+")
    inversion.start()
    assert inversion.w.shape == (1, 4, 16)
    assert torch.equal(inversion.latent, make().latent.expand(1, 4, 16))
    with torch.no_grad():
        inversion.w += torch.arange(4.0)[None, :, None]
    assert torch.equal(inversion.latent[0, 3] - inversion.latent[0, 0], torch.full((16,), 3.0))
    assert torch.allclose(inversion.pivot, inversion.w[0].mean(dim=0))


def test_w_plus_moves_every_layer_for_itself(make: Make) -> None:
    inversion = make(latent_space="w+")
    inversion.start()
    with torch.no_grad():
        inversion.generator.backbone.synthesis.traits.weight *= 2
    layers = torch.tensor([0.0, 0.5, 0.5, 0.0])
    inversion.generator.planes = lambda ws, noise_mode="const": (  # type: ignore[method-assign]
        inversion.generator.backbone.synthesis.traits((ws * layers[:, None]).sum(dim=1)).reshape(-1, 3, 8, 1, 1)
    )
    parts = inversion.step_losses(3)["latent"]
    (gradient,) = torch.autograd.grad(torch.stack(list(parts.values())).sum(), inversion.w)
    assert float(gradient[0, 0].abs().max()) == 0 and float(gradient[0, 1].abs().max()) > 0


def test_a_head_of_w_plus_is_kept_with_all_its_layers(make: Make, tmp_path: Path, monkeypatch: Any) -> None:
    from gan3dinv_ns.inversion import head_file

    written: dict[str, Tensor] = {}
    monkeypatch.setattr(head_file, "_write", lambda path, generator, found: written.update(found))
    inversion = make(latent_space="w+")
    with torch.no_grad():
        inversion.w += torch.randn(inversion.w.shape, generator=torch.Generator().manual_seed(0))
    head_file.write_head(inversion, tmp_path / "head.safetensors")
    assert torch.equal(written["ws"], inversion.latent[0]) and torch.equal(written["w"], inversion.pivot)
    written.clear()
    head_file.write_head(make(), tmp_path / "head.safetensors")
    assert "ws" not in written, "one latent says it all in W"


def test_latent_and_camera_descend_the_same_loss(make: Make, short_settings: InversionSettings) -> None:
    inversion = make(pose=_by_gradient(short_settings))
    inversion.start()
    losses = inversion.step_losses(3)
    parts = losses["latent"]
    whole = float(torch.stack(list(parts.values())).sum().detach())
    assert float(losses["camera_pose"]["reconstruction"].detach()) == pytest.approx(whole, rel=1e-6)
    assert set(losses["camera_pose"]) == {"reconstruction"}


def test_the_gradient_to_the_camera_is_that_of_finite_differences(
    make: Make, short_settings: InversionSettings
) -> None:
    inversion = make(pose=_by_gradient(short_settings)).double()
    target = inversion.target
    target.photo, target._shrunk = target.photo.double(), {}
    inversion._frozen = replace(inversion._frozen, target=target)
    inversion.settings = replace(
        inversion.settings, reconstruction=replace(inversion.settings.reconstruction, perceptual=0.0)
    )
    inversion.start()

    def loss() -> Tensor:
        torch.manual_seed(0)
        return torch.stack(list(inversion.step_losses(3)["latent"].values())).sum()

    (gradient,) = torch.autograd.grad(loss(), inversion.pose.angles)  # type: ignore[union-attr]
    for index in range(2):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                inversion.pose.angles[0, index] += sign * 1e-4  # type: ignore[union-attr]
            values.append(float(loss().detach()))
            with torch.no_grad():
                inversion.pose.angles[0, index] -= sign * 1e-4  # type: ignore[union-attr]
        assert float(gradient[0, index]) == pytest.approx((values[0] - values[1]) / 2e-4, rel=0.05, abs=1e-5)


def test_the_weight_of_the_reconstruction_scales_the_gradient_of_the_camera_alone(
    make: Make, short_settings: InversionSettings
) -> None:
    found = []
    for weight in (1.0, 0.25):
        inversion = make(pose=replace(_by_gradient(short_settings), reconstruction_weight=weight))
        inversion.start()
        torch.manual_seed(0)
        total = _total(inversion.step_losses(3))
        found.append(torch.autograd.grad(total, [inversion.w, *_parameters(inversion.pose)], allow_unused=True))
    for first, second, factor in zip(*found, (1.0, *[0.25] * (len(found[0]) - 1)), strict=True):
        if first is not None:
            torch.testing.assert_close(second, factor * first, rtol=1e-4, atol=1e-7)


def test_gradient_descent_finds_the_camera_of_a_known_head(make: Make, short_settings: InversionSettings) -> None:
    settings = _by_gradient(short_settings)
    schedule = replace(short_settings.schedule, warmup_steps=0, project_steps=60, tune_steps=0, latent_rate=0.0)
    inversion = make(
        pose=settings, schedule=schedule, start=replace(short_settings.start, latent="mean", pose="canonical")
    )
    z = torch.randn(1, 16, generator=torch.Generator().manual_seed(2))
    inversion.start()
    with torch.no_grad():
        inversion.w.copy_(z[:, None])
    optimise(inversion)
    assert inversion.pose.yaw_pitch() == pytest.approx((YAW, PITCH), abs=0.06)


def test_a_known_camera_stays_where_it_is(make: Make, short_settings: InversionSettings) -> None:
    label = make().label_of(orbit(YAW, PITCH, 2.7)).flatten().tolist()
    still = replace(short_settings.pose, warp_weight=0.0, reconstruction_weight=0.0)
    inversion = make(pose=still, start=replace(short_settings.start, pose="label", label=tuple(label)))
    optimise(inversion)
    assert [phase.steps for phase in inversion.schedule.phases] == [0, 4, 3]
    assert inversion.label.flatten().tolist() == pytest.approx(label, abs=1e-5)


def test_steps_of_groups_that_share_a_graph_use_the_gradients_of_the_same_point(
    make: Make, short_settings: InversionSettings
) -> None:
    inversion = make(pose=_by_gradient(short_settings))
    inversion.start()
    torch.manual_seed(inversion.settings.seed * 1_000_003 + 3)
    losses = inversion.step_losses(3)
    wanted = torch.autograd.grad(_total(losses), _parameters(inversion.pose))
    optimisation_step(inversion, build_optimizers(inversion), 3)
    for parameter, gradient in zip(_parameters(inversion.pose), wanted, strict=True):
        assert parameter.grad is not None and torch.allclose(parameter.grad, gradient, rtol=1e-4, atol=1e-7)
    assert measure(inversion)["psnr"] > 0


def _total(losses: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
    return torch.stack([value for parts in losses.values() for value in parts.values()]).sum()


def _parameters(pose: CameraPose) -> list[Tensor]:
    return list(pose.parameters())
