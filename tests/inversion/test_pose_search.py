"""Claims about the search for the first camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.inversion.pose_search import PoseSearch, colour_blind_error
from gan3dinv_ns.inversion.settings import StartSettings
from gan3dinv_ns.inversion.start import mean_latent
from gan3dinv_ns.losses.perceptual import build_perceptual
from gan3dinv_ns.losses.reconstruction import PhotoTarget


def search_for(generator: Any, target: PhotoTarget, settings: StartSettings) -> PoseSearch:
    return PoseSearch(generator, mean_latent(generator), target, settings, 4.2647)


def test_colour_blind_error_ignores_gain_and_offset() -> None:
    photo = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    recoloured = photo * torch.tensor([0.5, 2.0, 0.1]).reshape(1, 3, 1, 1) + 0.3
    assert float(colour_blind_error(recoloured, photo)) == pytest.approx(0.0, abs=1e-4)
    assert float(colour_blind_error(torch.zeros_like(photo), photo)) == pytest.approx(1.0, abs=1e-4)


def test_inverted_picture_does_not_explain_the_photo() -> None:
    photo = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert float(colour_blind_error(-photo, photo)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (0.35, 0.1), (-0.5, -0.2)])
def test_search_finds_the_mean_heads_pose(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], yaw: float, pitch: float
) -> None:
    target = PhotoTarget(toy_photo(yaw, pitch), build_perceptual("discriminator", toy_discriminator), 32)
    found = search_for(toy_generator, target, StartSettings()).best()
    assert found == pytest.approx((yaw, pitch), abs=0.06)


def test_search_of_one_camera_is_allowed(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor]
) -> None:
    target = PhotoTarget(toy_photo(0.0, 0.0), build_perceptual("discriminator", toy_discriminator), 32)
    settings = StartSettings(yaw_range=0.0, yaw_count=1, pitch_range=0.0, pitch_count=1, refinements=1)
    assert search_for(toy_generator, target, settings).best() == pytest.approx((0.0, 0.0))


def test_only_a_clearly_better_grid_beats_a_camera(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor]
) -> None:
    target = PhotoTarget(toy_photo(0.25, 0.0), build_perceptual("discriminator", toy_discriminator), 32)
    search = search_for(toy_generator, target, StartSettings())
    assert not search.beats(orbit(0.25, 0.0)) and not search.beats(orbit(0.2, 0.05))
    assert search.beats(orbit(-0.3, 0.0))
