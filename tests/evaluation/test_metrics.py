"""Claims about the figures."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.evaluation.metrics import (
    WORST_DEPTH_BOX,
    depth_mae_box,
    ms_ssim,
    psnr,
    rotation_error_deg,
    translation_error,
)


def _label(yaw: float, pitch: float = 0.0) -> torch.Tensor:
    return camera_label(orbit(yaw, pitch), intrinsics_matrix())


def test_equal_pictures_have_the_best_psnr() -> None:
    assert psnr(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)) == 100.0


def test_psnr_of_a_known_error() -> None:
    assert psnr(torch.full((1, 3, 4, 4), 0.2), torch.zeros(1, 3, 4, 4)) == pytest.approx(20.0)


def test_values_out_of_range_count_as_clamped() -> None:
    assert psnr(torch.full((1, 3, 4, 4), 7.0), torch.ones(1, 3, 4, 4)) == 100.0


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="compared"):
        psnr(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 8, 8))


def test_rotation_error_is_the_angle_turned() -> None:
    assert rotation_error_deg(_label(0.3), _label(0.3)) == pytest.approx(0.0, abs=1e-4)
    assert rotation_error_deg(_label(0.3), _label(0.4)) == pytest.approx(5.7296, abs=1e-3)


def test_translation_error_is_the_chord() -> None:
    assert translation_error(_label(0.0), _label(1.0)) == pytest.approx(2 * 2.7 * 0.479426, abs=1e-4)


def test_ms_ssim_of_equal_pictures_is_1_and_falls_with_noise() -> None:
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 128, 128, generator=random) * 1.6 - 0.8
    noise = torch.randn(1, 3, 128, 128, generator=random)
    figures = [ms_ssim(picture + strength * noise, picture) for strength in (0.0, 0.05, 0.2, 0.8)]
    assert figures[0] == pytest.approx(1.0, abs=1e-6)
    assert figures == sorted(figures, reverse=True) and figures[-1] < 0.9


@pytest.mark.parametrize("side", (33, 97, 128, 161))
def test_ms_ssim_has_a_window_for_every_size_from_33_pixels(side: int) -> None:
    assert ms_ssim(torch.zeros(1, 3, side, side), torch.zeros(1, 3, side, side)) == pytest.approx(1.0)


def test_ms_ssim_refuses_small_pictures_and_two_sizes() -> None:
    with pytest.raises(ValueError, match="32 pixels are too small"):
        ms_ssim(torch.zeros(1, 3, 32, 64), torch.zeros(1, 3, 32, 64))
    with pytest.raises(ValueError, match="compared"):
        ms_ssim(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 128, 128))


def test_depth_error_is_the_shift_where_both_are_solid() -> None:
    depth = torch.rand(1, 1, 8, 8) + 2
    left, upper = torch.zeros(1, 1, 8, 8, dtype=torch.bool), torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    left[..., :4], upper[..., :4, :] = True, True
    shifted = torch.where(left & upper, depth + 0.07, torch.full_like(depth, 9.0))
    assert depth_mae_box(depth, left, depth, upper) == 0.0
    assert depth_mae_box(shifted, left, depth, upper) == pytest.approx(0.07, abs=1e-6)


def test_depth_error_is_finite_without_overlap() -> None:
    depth, solid = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4, dtype=torch.bool)
    assert depth_mae_box(depth, solid, depth, ~solid) == WORST_DEPTH_BOX
