"""Claims about the figures of an inverted photo, with a method that answers what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import rolled, yaw_pitch
from gan3dinv_ns.evaluation.photo_figures import NOVEL_YAWS_RAD, PhotoFigures, measure_photo, novel_labels

NOVEL = [f"novel_psnr_{yaw}" for yaw in NOVEL_YAWS_RAD]


@dataclass
class Measure:
    """Measures what a method says of a ball that was photographed from a camera."""

    ball: Any
    told: Any

    def __call__(self, label: Tensor, *answer: Any) -> PhotoFigures:
        head = self.ball("1", label)
        return measure_photo(head.photo, self.told(*answer), head.label, head)


@pytest.fixture
def measure(ball, told) -> Measure:
    return Measure(ball, told)


def test_the_true_head_itself_has_perfect_figures(measure, label) -> None:
    figures = measure(label(0.2, 0.1), label(0.2, 0.1)).figures
    assert [figures[name] for name in ("psnr", *NOVEL)] == [100.0] * 4
    assert figures["ms_ssim"] == pytest.approx(1.0)
    assert figures["rotation_deg"] == pytest.approx(0.0, abs=1e-4)
    assert figures["translation_box"] == figures["depth_mae_box"] == figures["mse"] == 0.0


def test_depth_error_is_the_shift_of_the_surface(measure, label) -> None:
    figures = measure(label(0.2, 0.1), label(0.2, 0.1), 0.0, 0.03).figures
    assert figures["depth_mae_box"] == pytest.approx(0.03, abs=1e-6)


def test_depth_is_compared_between_the_two_heads_own_cameras(measure, label) -> None:
    # A ball has the same depth from everywhere.
    assert measure(label(0.2, 0.1), label(0.4, 0.0)).figures["depth_mae_box"] == pytest.approx(0.0, abs=1e-5)


def test_novel_views_are_judged_from_the_found_camera(measure, label) -> None:
    figures = measure(label(0.2, 0.1), label(0.3, 0.1)).figures
    assert [figures[name] for name in NOVEL] == [100.0] * 3
    assert figures["psnr"] < 100.0
    assert figures["rotation_deg"] == pytest.approx(5.7, abs=0.1)


def test_wrong_colours_cost_in_every_view(measure, label) -> None:
    figures = measure(label(0.0, 0.0), label(0.0, 0.0), 0.2).figures
    assert [figures[name] for name in ("psnr", *NOVEL)] == pytest.approx([20.0] * 4, abs=0.01)
    assert figures["mse"] == pytest.approx(0.01, abs=1e-4), "of pictures in 0 to 1"


def test_pictures_are_photo_reconstruction_and_both_heads_at_0_4(measure, label) -> None:
    measured = measure(label(0.1, 0.0), label(0.1, 0.0), 0.2)
    reds = {name: float(picture[0, 0, 0, 0]) for name, picture in measured.pictures.items()}
    wanted = {"photo": 0.05, "reconstruction": 0.25}
    wanted |= {"true, left": -0.15, "found, left": 0.05, "true, right": 0.25, "found, right": 0.45}
    assert list(reds) == list(wanted) and reds == pytest.approx(wanted, abs=1e-5)
    assert list(measured.depths) == ["true depth", "found depth"]


def test_of_a_photo_alone_only_the_reconstruction_is_judged(ball, label, told) -> None:
    measured = measure_photo(ball("1", label(0.1, 0.0)).photo, told(label(0.1, 0.0), 0.2))
    assert list(measured.figures) == ["psnr", "mse", "ms_ssim"]
    assert list(measured.pictures) == ["photo", "reconstruction", "found, left", "found, right"]
    assert list(measured.depths) == ["found depth"]


def test_of_a_photo_with_a_camera_the_camera_is_judged_too(ball, label, told) -> None:
    photo = ball("1", label(0.1, 0.0)).photo
    figures = measure_photo(photo, told(label(0.2, 0.0)), label(0.1, 0.0)).figures
    assert figures["rotation_deg"] == pytest.approx(5.73, abs=0.01) and "depth_mae_box" not in figures


def test_of_several_photos_the_first_is_judged(ball, label, told) -> None:
    head = ball("1", label(0.2, 0.1))
    found = told(torch.cat([label(0.2, 0.1), label(-0.9, 0.0), label(0.9, 0.0)]))
    assert measure_photo(head.photo, found, head.label, head).figures["rotation_deg"] < 0.1


def test_novel_cameras_keep_pitch_turn_both_ways_and_stand_upright(label) -> None:
    camera_to_world = rolled(split_label(label(0.1, 0.2))[0], 0.3)
    found = torch.cat([camera_to_world.flatten(1), label(0.1, 0.2)[:, 16:]], dim=1)
    for start in (label(0.1, 0.2), found):
        cameras = split_label(novel_labels(start, 0.4))[0]
        yaw, pitch = yaw_pitch(cameras[:, :3, 3])
        torch.testing.assert_close(yaw, torch.tensor([-0.3, 0.5]))
        torch.testing.assert_close(pitch, torch.tensor([0.2, 0.2]))
        torch.testing.assert_close(cameras[:, 1, 0], torch.zeros(2))
