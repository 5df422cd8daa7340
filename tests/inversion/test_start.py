"""Claims about the first latent and the first camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.poses import SixDPose
from gan3dinv_ns.cameras.rotations import orbit, roll_of, rolled, rotation_angle
from gan3dinv_ns.encoders import EstimatedPose, Initialisers
from gan3dinv_ns.inversion import start as start_module
from gan3dinv_ns.inversion.settings import InversionSettings, StartSettings
from gan3dinv_ns.inversion.start import Guess, believed_translation, first_guess, latent_prior, mean_latent
from gan3dinv_ns.inversion.views import orbit_labels
from gan3dinv_ns.losses.perceptual import build_perceptual
from gan3dinv_ns.losses.reconstruction import PhotoTarget
from gan3dinv_ns.ops.picture_moves import move_pictures


class Saying(torch.nn.Module):
    """A network that says what it is told to, and keeps what it is shown."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, photo: Tensor) -> Any:
        self.seen = photo
        return self.answer


def says_pose(camera: Tensor) -> Any:
    return Saying(EstimatedPose(camera[:, :3, :3], torch.zeros(1, 2)))


@pytest.fixture
def guess(toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor]) -> Callable[..., Guess]:
    """Guesses of the mean head's photo from yaw 0.3 and pitch 0.1."""

    def guess(photo: Tensor | None = None, kind: Any = "euler", start: Any = None, **networks: Any) -> Guess:
        photo = toy_photo(0.3, 0.1) if photo is None else photo
        target = PhotoTarget(photo, build_perceptual("discriminator", toy_discriminator), 32)
        settings = InversionSettings(start=start or StartSettings())
        settings = replace(settings, pose=replace(settings.pose, kind=kind))
        return first_guess(toy_generator, target, Initialisers(**networks), settings)

    return guess


def test_mean_latent_is_w_avg(toy_generator: Any) -> None:
    latent = mean_latent(toy_generator)
    assert latent.shape == (1, 1, 16)
    assert torch.equal(latent[0, 0], toy_generator.backbone.mapping.w_avg)


def test_deviation_is_that_of_the_samples(toy_generator: Any) -> None:
    label = orbit_labels(torch.zeros(1), torch.zeros(1), 4.2647, 2.7)
    assert latent_prior(toy_generator, label, 0).deviation == pytest.approx(1.0, abs=0.05)


def test_an_estimate_that_explains_the_photo_is_taken(guess: Callable[..., Guess]) -> None:
    said = orbit(0.27, 0.12)
    found = guess(estimator=says_pose(said))
    assert found.origin == "estimator"
    torch.testing.assert_close(found.camera_to_world, said)
    assert found.estimated_direction is not None and torch.equal(found.estimated_direction, said[:, :3, 2])


def test_an_estimate_that_is_clearly_wrong_loses_against_the_search(guess: Callable[..., Guess]) -> None:
    wrong = orbit(-0.6, -0.2)
    found = guess(estimator=says_pose(wrong))
    assert found.origin == "search against the estimate" and found.estimated_direction is None
    assert float(rotation_angle(found.camera_to_world[:, :3, :3], orbit(0.3, 0.1)[:, :3, :3])) < 0.08
    kept = guess(estimator=says_pose(wrong), start=StartSettings(check=False))
    assert kept.origin == "estimator" and torch.equal(kept.camera_to_world[:, :3, :3], wrong[:, :3, :3])


def test_without_estimator_and_face_the_camera_is_searched_or_the_front(
    guess: Callable[..., Guess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_module, "face_points", lambda generator, focal: None)
    found = guess()
    assert found.origin == "search" and found.estimated_direction is None
    assert float(rotation_angle(found.camera_to_world[:, :3, :3], orbit(0.3, 0.1)[:, :3, :3])) < 0.08
    front = guess(start=StartSettings(pose="canonical"), estimator=says_pose(orbit(0.3, 0.1)))
    assert front.origin == "canonical"
    torch.testing.assert_close(front.camera_to_world, orbit(0.0, 0.0))


def test_landmarks_are_asked_where_there_is_no_estimator(
    guess: Callable[..., Guess], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = rolled(orbit(0.28, 0.12), 0.1)
    monkeypatch.setattr(start_module, "face_points", lambda generator, focal: torch.zeros(5, 3))
    monkeypatch.setattr(start_module, "rotation_from_face", lambda points, photo, focal: told[:, :3, :3])
    found = guess()
    assert found.origin == "landmarks" and found.estimated_direction is None, "they are too rough to hold the camera"
    torch.testing.assert_close(found.camera_to_world, orbit(0.28, 0.12), msg="upright, as euler poses are")
    torch.testing.assert_close(guess(kind="sixd").camera_to_world, told)
    estimated = says_pose(orbit(0.3, 0.1))
    assert guess(estimator=estimated).origin == "estimator"
    assert guess(estimator=estimated, start=StartSettings(pose="landmarks")).origin == "landmarks"
    assert guess(start=StartSettings(pose="search")).origin == "search"


def test_a_guess_is_always_the_same_and_leaves_the_random_numbers_alone(guess: Callable[..., Guess]) -> None:
    torch.manual_seed(5)
    first, state = guess(), torch.get_rng_state()
    torch.manual_seed(5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    assert torch.equal(guess().camera_to_world, first.camera_to_world)


def test_rolled_photos_are_shown_to_the_encoder_upright(
    guess: Callable[..., Guess], toy_photo: Callable[..., Tensor]
) -> None:
    upright, roll = toy_photo(0.3, 0.1), torch.tensor([0.25])
    camera, encoder = rolled(orbit(0.3, 0.1), roll), Saying(torch.zeros(1, 16))
    networks = {"encoder": encoder, "estimator": says_pose(orbit(0.0, 0.0)), "estimator_with_roll": says_pose(camera)}
    photo = move_pictures(upright, roll)
    found = guess(photo, "sixd", **networks)
    assert float(roll_of(found.camera_to_world[:, :3, :3])) == pytest.approx(0.25, abs=1e-5), (
        "the estimator with roll is the one asked"
    )
    assert float((encoder.seen - upright).abs().mean()) < 0.3 * float((photo - upright).abs().mean())
    guess(upright, "euler", **networks)
    assert torch.equal(encoder.seen, upright)


def test_translations_are_believed_where_they_are_larger_than_their_error() -> None:
    small, large = torch.tensor([[0.004, -0.005]]), torch.tensor([[0.03, -0.04]])
    assert torch.equal(believed_translation(small), torch.zeros(1, 2))
    # 1 - 2 (0.008 / 0.05)^2 of it.
    torch.testing.assert_close(believed_translation(large), 0.9488 * large)
    rows = torch.cat([small, large, torch.zeros(1, 2)])
    torch.testing.assert_close(believed_translation(rows), torch.cat([0 * small, 0.9488 * large, torch.zeros(1, 2)]))


def test_the_estimators_translation_moves_the_first_camera_in_its_picture(
    guess: Callable[..., Guess], toy_photo: Callable[..., Tensor]
) -> None:
    shift = torch.tensor([[0.06, -0.08]])
    networks = {"estimator": Saying(EstimatedPose(orbit(0.3, 0.1)[:, :3, :3], shift))}
    found = guess(start=StartSettings(check=False), **networks)
    torch.testing.assert_close(found.translation, believed_translation(shift))
    torch.testing.assert_close(found.camera_to_world[:, :3, 2], orbit(0.3, 0.1)[:, :3, 2])
    pose = SixDPose()
    pose.place(found.camera_to_world)
    torch.testing.assert_close(pose.translation.detach(), found.translation, rtol=0, atol=1e-6)
    torch.testing.assert_close(pose.radius, SixDPose().radius)


def test_a_label_is_taken_with_its_translation(guess: Callable[..., Guess]) -> None:
    camera = SixDPose()
    camera.place(rolled(orbit(0.2, 0.1), 0.1))
    with torch.no_grad():
        camera.translation.add_(torch.tensor([0.05, -0.02]))
    label = (*camera().flatten().tolist(), *[0.0] * 9)
    found = guess(start=StartSettings(pose="label", label=label), estimator=says_pose(orbit(0.0, 0.0)))
    assert found.origin == "label" and found.estimated_direction is None
    torch.testing.assert_close(found.camera_to_world, camera().detach())
    with pytest.raises(ValueError, match="25 numbers, not 0"):
        guess(start=StartSettings(pose="label"))
