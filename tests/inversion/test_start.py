"""Claims about the mean latent and the coarse pose search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.inversion.settings import StartSettings
from gan3dinv_ns.inversion.start import colour_blind_error, find_pose, latent_prior, mean_latent, orbit_labels
from gan3dinv_ns.losses.perceptual import build_perceptual
from gan3dinv_ns.losses.reconstruction import PhotoTarget


def test_mean_latent_is_w_avg(toy_generator: Any) -> None:
    latent = mean_latent(toy_generator)
    assert latent.shape == (1, 1, 16)
    assert torch.equal(latent[0, 0], toy_generator.backbone.mapping.w_avg)


def test_deviation_is_that_of_the_samples(toy_generator: Any) -> None:
    label = orbit_labels(torch.zeros(1), torch.zeros(1), 4.2647, 2.7)
    assert latent_prior(toy_generator, label, 0).deviation == pytest.approx(1.0, abs=0.05)


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
    found = find_pose(toy_generator, target, StartSettings(), 4.2647)
    assert found == pytest.approx((yaw, pitch), abs=0.06)


def test_search_of_one_camera_is_allowed(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor]
) -> None:
    target = PhotoTarget(toy_photo(0.0, 0.0), build_perceptual("discriminator", toy_discriminator), 32)
    settings = StartSettings(yaw_range=0.0, yaw_count=1, pitch_range=0.0, pitch_count=1, refinements=1)
    assert find_pose(toy_generator, target, settings, 4.2647) == pytest.approx((0.0, 0.0))
