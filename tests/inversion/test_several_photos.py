"""Claims about the inversion of several photos of one head."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from gan3dinv_ns.cameras.nudges import nudged
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.encoders import EstimatedPose, Initialisers
from gan3dinv_ns.evaluation.metrics import psnr
from gan3dinv_ns.inversion.optimizers import build_optimizers
from gan3dinv_ns.inversion.results import write_results
from gan3dinv_ns.inversion.run import invert
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.step import optimisation_step
from gan3dinv_ns.inversion.step_inputs import draw_side
from gan3dinv_ns.inversion.views import orbit_labels
from gan3dinv_ns.losses.perceptual import build_perceptual
from gan3dinv_ns.losses.reconstruction import PhotoTarget, ReconstructionWeights

YAWS = (-0.4, 0.1, 0.45)
PITCHES = (0.1, -0.1, 0.0)
HEAD = 3


@pytest.fixture(scope="module")
def photos(toy_photo: Callable[..., Tensor]) -> Tensor:
    """Three views [3, 3, R, R] of one head."""
    return torch.cat([toy_photo(yaw, pitch, HEAD) for yaw, pitch in zip(YAWS, PITCHES, strict=True)])


@pytest.fixture
def make(toy_generator: Any, toy_discriminator: Any, photos: Tensor, short_settings: InversionSettings) -> Any:
    def build(**changes: Any) -> Inversion:
        return Inversion(toy_generator, toy_discriminator, photos, replace(short_settings, **changes))

    return build


def labels_of(inversion: Inversion) -> tuple[float, ...]:
    """The true cameras, as a start."""
    cameras = orbit(torch.tensor(YAWS), torch.tensor(PITCHES))
    return tuple(inversion.label_of(cameras).flatten().tolist())


def test_every_photo_has_a_camera_and_all_share_latent_and_generator(make: Any) -> None:
    inversion = make()
    optimizers = build_optimizers(inversion)
    for step in range(inversion.schedule.total_steps):
        metrics = optimisation_step(inversion, optimizers, step)
        assert all(math.isfinite(value) for value in metrics.values())
    assert inversion.w.shape == (1, 1, 16) and inversion.label.shape == (3, 25)
    yaws = [inversion.pose.yaw_pitch(index)[0] for index in range(3)]
    assert yaws[0] < yaws[1] < yaws[2], "each camera is found on its own side"


def test_what_one_photo_hides_the_others_show(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], photos: Tensor, short_settings: Any
) -> None:
    """The first photo is grey below the eyes; from the true cameras, so that only the head is in question."""
    hidden = photos.clone()
    hidden[0, :, 34:] = 0.0
    pose = replace(short_settings.pose, warp_weight=0.0, reconstruction_weight=0.0)
    schedule = replace(short_settings.schedule, warmup_steps=0, project_steps=60, tune_steps=0)
    settings = replace(short_settings, schedule=schedule, pose=pose)
    cameras = orbit_labels(torch.tensor(YAWS), torch.tensor(PITCHES), pose.focal, 2.7)
    unseen = orbit_labels(torch.tensor([-0.8, 0.8, 0.3]), torch.tensor([0.0, 0.0, 0.3]), pose.focal, 2.7)
    true = torch.cat([toy_photo(yaw, pitch, HEAD) for yaw, pitch in ((-0.8, 0.0), (0.8, 0.0), (0.3, 0.3))])
    found = {}
    for count in (1, 3):
        start = replace(settings.start, pose="label", label=tuple(cameras[:count].flatten().tolist()))
        inversion = invert(toy_generator, toy_discriminator, hidden[:count], replace(settings, start=start))
        found[count] = psnr(inversion.novel_view(unseen), true)
    assert found[3] > found[1] + 2.0, found


def test_a_step_looks_at_so_many_photos_in_turn_and_moves_their_cameras_only(make: Any) -> None:
    inversion = make(photos_per_step=2)
    assert [inversion.photos_at(step) for step in range(3)] == [[0, 1], [2, 0], [1, 2]]
    assert make(photos_per_step=3).photos_at(7) == [0, 1, 2]
    inversion.start()
    loss = torch.stack(list(inversion.step_losses(0)["camera_pose"].values())).sum()
    (gradient,) = torch.autograd.grad(loss, inversion.pose.angles)
    assert gradient[:2].abs().amin() > 0 and not gradient[2].any()
    with pytest.raises(ValueError, match="photos_per_step 0 is below 1"):
        make(photos_per_step=0)


def test_losses_are_means_over_the_photos(make: Any, toy_discriminator: Any, photos: Tensor) -> None:
    target = make().target
    rendered = {"image": photos.roll(1, 0), "image_raw": target.at(32).roll(1, 0)}
    weights = ReconstructionWeights()
    together = target.losses(rendered, weights)
    alone = []
    for index in range(3):
        one = {name: view[index : index + 1] for name, view in rendered.items()}
        alone.append(target.only([index]).losses(one, weights))
        by_itself = PhotoTarget(photos[index : index + 1], build_perceptual("discriminator", toy_discriminator), 32)
        for name, value in by_itself.losses(one, weights).items():
            torch.testing.assert_close(alone[-1][name], value, msg=name)
    for name, value in together.items():
        torch.testing.assert_close(value, torch.stack([losses[name] for losses in alone]).mean(), msg=name)
    assert target.only([0, 1, 2]) is target


def test_the_first_latent_is_the_mean_of_the_encodings_and_each_camera_that_of_its_photo(
    toy_generator: Any, toy_discriminator: Any, photos: Tensor, short_settings: InversionSettings
) -> None:
    class Encoder:
        def __call__(self, photo: Tensor) -> Tensor:
            return photo.mean(dim=(1, 2, 3))[:, None].expand(-1, 16)

    class Estimator:
        def __call__(self, photo: Tensor) -> EstimatedPose:
            index = int((photos - photo).abs().amax(dim=(1, 2, 3)).argmin())
            return EstimatedPose(orbit(YAWS[index], PITCHES[index])[:, :3, :3], torch.zeros(1, 2))

    known: Any = Initialisers(encoder=Encoder(), estimator=Estimator(), estimator_with_roll=None)  # type: ignore[arg-type]
    inversion = Inversion(toy_generator, toy_discriminator, photos, short_settings, known)
    inversion.start()
    torch.testing.assert_close(inversion.w[0, 0].detach(), photos.mean().expand(16))
    yaw, pitch = yaw_pitch(-inversion.camera_pose.detach()[:, :3, 2])
    assert [guess.origin for guess in inversion.guesses] == ["estimator"] * 3
    torch.testing.assert_close((yaw, pitch), (torch.tensor(YAWS), torch.tensor(PITCHES)), atol=1e-5, rtol=0)


def test_labels_follow_each_other(make: Any) -> None:
    inversion = make()
    start = replace(inversion.settings.start, pose="label", label=labels_of(inversion))
    placed = make(start=start)
    placed.start()
    assert [placed.pose.yaw_pitch(index)[0] for index in range(3)] == pytest.approx(YAWS, abs=1e-5)
    with pytest.raises(ValueError, match="25 numbers for each photo, not 50"):
        make(start=replace(start, label=start.label[:50])).start()


def test_views_from_the_sides_stay_away_from_every_photo() -> None:
    torch.manual_seed(0)
    for _ in range(50):
        yaw, pitch = draw_side([(0.0, 0.0), (0.5, 0.0)])
        assert min(abs(yaw), abs(yaw - 0.5)) > 0.29 and pitch == 0.0


def test_the_state_carries_all_cameras(make: Any) -> None:
    inversion, other = make(), make()
    inversion.start()
    other.load_state_dict(inversion.state_dict())
    torch.testing.assert_close(other.label, inversion.label)
    assert len(other.label.unique(dim=0)) == 3


def test_results_of_each_photo_are_in_a_folder_of_its_name(make: Any, tmp_path: Path) -> None:
    inversion = make()
    inversion.start()
    metrics = write_results(inversion, tmp_path, names=["left", "front", "right"])
    own = {path.name for path in tmp_path.iterdir()}
    assert own == {"left", "front", "right", "comparison.png", "latent.npz", "metrics.json"}
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert [record["name"] for record in written["photos"]] == ["left", "front", "right"]
    assert metrics["psnr"] == pytest.approx(sum(record["psnr"] for record in written["photos"]) / 3)
    for index, name in enumerate(("left", "front", "right")):
        camera = json.loads((tmp_path / name / "camera.json").read_text())
        torch.testing.assert_close(torch.tensor(camera["label"]), inversion.label[index].detach())
        with Image.open(tmp_path / name / "reconstruction.png") as picture:
            assert picture.size == (64, 64)
    with Image.open(tmp_path / "comparison.png") as sheet:
        assert sheet.size == (6 * 192, 3 * 212)


def test_what_estimates_err_together_is_held_and_what_they_err_apart_is_left_to_the_photos(make: Any) -> None:
    inversion = make(pose=replace(make().settings.pose, reconstruction_weight=0.0, estimate_weight=30.0))
    inversion.start()
    cameras = orbit(torch.tensor(YAWS), torch.tensor(PITCHES)).split(1)
    guesses = tuple(
        replace(guess, origin="estimator", camera_to_world=camera)
        for guess, camera in zip(inversion.guesses, cameras, strict=True)
    )
    inversion.__dict__["guesses"] = guesses

    def estimate(turns: tuple[float, float, float]) -> float:
        placed = torch.cat([nudged(guess.camera_to_world, yaw_rad=a) for guess, a in zip(guesses, turns, strict=True)])
        inversion.pose.place(placed)
        return float(inversion.step_losses(0)["camera_pose"]["estimate"])

    assert estimate((0.0, 0.0, 0.0)) < 1e-8
    together, apart = estimate((0.02, 0.02, 0.02)), estimate((0.02, -0.04, 0.02))
    assert together == pytest.approx(30.0 * 0.02**2, rel=0.2) and apart < 0.3 * together
