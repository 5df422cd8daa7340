"""Claims about the figures."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.evaluation.metrics import psnr, rotation_error_deg, translation_error


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
