"""Claims about the measures of held-out heads, with a method that answers what it is told."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import rolled, yaw_pitch
from gan3dinv_ns.evaluation.heldout import evaluate_heldout, measure_head, novel_labels
from gan3dinv_ns.evaluation.rows import METRICS, NOVEL_YAWS_RAD

NOVEL = [f"novel_psnr_{yaw}" for yaw in NOVEL_YAWS_RAD]


def test_the_true_head_itself_has_perfect_figures(ball, label, told) -> None:
    (head,) = evaluate_heldout([ball("1", label(0.2, 0.1))], lambda _: told(label(0.2, 0.1)))
    figures = head.row.figures
    assert (head.row.name, head.row.kind, tuple(figures)) == ("1", "ball", METRICS)
    assert [figures[name] for name in ("psnr", *NOVEL)] == [100.0] * 4
    assert figures["ms_ssim"] == pytest.approx(1.0)
    assert figures["rotation_deg"] == pytest.approx(0.0, abs=1e-4)
    assert figures["translation_box"] == figures["depth_mae_box"] == 0.0
    assert figures["seconds"] >= 0


def test_depth_error_is_the_shift_of_the_surface(ball, label, told) -> None:
    figures = measure_head(ball("1", label(0.2, 0.1)), told(label(0.2, 0.1), 0.0, 0.03), 0.0).row.figures
    assert figures["depth_mae_box"] == pytest.approx(0.03, abs=1e-6)


def test_depth_is_compared_between_the_two_heads_own_cameras(ball, label, told) -> None:
    # A ball has the same depth from everywhere.
    figures = measure_head(ball("1", label(0.2, 0.1)), told(label(0.4, 0.0)), 0.0).row.figures
    assert figures["depth_mae_box"] == pytest.approx(0.0, abs=1e-5)


def test_novel_views_are_judged_from_the_found_camera(ball, label, told) -> None:
    figures = measure_head(ball("1", label(0.2, 0.1)), told(label(0.3, 0.1)), 0.0).row.figures
    assert [figures[name] for name in NOVEL] == [100.0] * 3
    assert figures["psnr"] < 100.0
    assert figures["rotation_deg"] == pytest.approx(5.7, abs=0.1)


def test_wrong_colours_cost_in_every_view(ball, label, told) -> None:
    figures = measure_head(ball("1", label(0.0, 0.0)), told(label(0.0, 0.0), 0.2), 0.0).row.figures
    assert [figures[name] for name in ("psnr", *NOVEL)] == pytest.approx([20.0] * 4, abs=0.01)


def test_pictures_are_photo_reconstruction_and_both_heads_at_0_4(ball, label, told) -> None:
    head = measure_head(ball("1", label(0.1, 0.0)), told(label(0.1, 0.0), 0.2), 0.0)
    reds = [float(picture[0, 0, 0, 0]) for picture in head.pictures]
    assert reds == pytest.approx([0.05, 0.25, -0.15, 0.05, 0.25, 0.45], abs=1e-5)


def test_novel_cameras_keep_pitch_turn_both_ways_and_stand_upright(label) -> None:
    camera_to_world = rolled(split_label(label(0.1, 0.2))[0], 0.3)
    found = torch.cat([camera_to_world.flatten(1), label(0.1, 0.2)[:, 16:]], dim=1)
    for start in (label(0.1, 0.2), found):
        cameras = split_label(novel_labels(start, 0.4))[0]
        yaw, pitch = yaw_pitch(cameras[:, :3, 3])
        torch.testing.assert_close(yaw, torch.tensor([-0.3, 0.5]))
        torch.testing.assert_close(pitch, torch.tensor([0.2, 0.2]))
        torch.testing.assert_close(cameras[:, 1, 0], torch.zeros(2))


def test_several_photos_are_inverted_together_and_the_first_is_judged(ball, label, told) -> None:
    asked = []

    def invert(photos):
        asked.append(len(photos))
        return told(torch.cat([label(0.2, 0.1), label(-0.9, 0.0), label(0.9, 0.0)]))

    (head,) = evaluate_heldout([ball("1", label(0.2, 0.1))], invert, photos=3)
    assert asked == [3] and head.row.figures["rotation_deg"] < 0.1


def test_heads_are_inverted_one_at_a_time(ball, label, told) -> None:
    asked = []

    def heads():
        for name in ("1", "2"):
            asked.append(name)
            yield ball(name, label(0.0, 0.0))

    measured = evaluate_heldout(heads(), lambda _: told(label(0.0, 0.0)))
    assert next(measured).row.name == "1" and asked == ["1"]
    assert next(measured).row.name == "2"
