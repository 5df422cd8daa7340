"""Claims about the benchmark on held-out heads, with a method that answers what it is told."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.evaluation.heldout import HeldoutHead, HeldoutRow, evaluate_heldout, novel_labels


def _label(yaw: float, pitch: float) -> Tensor:
    return camera_label(orbit(yaw, pitch), intrinsics_matrix())


def _draw(label: Tensor, offset: float = 0.0) -> Tensor:
    """A plain picture whose colour tells the camera."""
    yaw, pitch = yaw_pitch(split_label(label)[0][:, :3, 3])
    colour = torch.stack([yaw / 2, pitch / 2, torch.zeros_like(yaw)], dim=1) + offset
    return colour[:, :, None, None].expand(-1, 3, 8, 8)


class Told:
    """Finds the camera it was given."""

    def __init__(self, label: Tensor, offset: float) -> None:
        self.label, self.offset = label, offset

    def novel_view(self, label: Tensor) -> Tensor:
        return _draw(label, self.offset)


def _head(yaw: float, pitch: float) -> HeldoutHead:
    label = _label(yaw, pitch)
    return HeldoutHead(f"{yaw}", _draw(label), label, _draw)


def test_perfect_method_has_perfect_figures() -> None:
    report = evaluate_heldout([_head(0.2, 0.1)], lambda _: Told(_label(0.2, 0.1), 0.0))
    row = report.rows[0]
    assert row.photo_psnr == row.novel_psnr == 100.0
    assert row.rotation_error_deg == pytest.approx(0.0, abs=1e-4)
    assert row.seconds >= 0


def test_novel_views_are_judged_from_the_found_camera() -> None:
    row = evaluate_heldout([_head(0.2, 0.1)], lambda _: Told(_label(0.3, 0.1), 0.0)).rows[0]
    assert row.novel_psnr == 100.0
    assert row.photo_psnr < 100.0
    assert row.rotation_error_deg == pytest.approx(5.7, abs=0.1)


def test_wrong_colours_cost_in_every_view() -> None:
    row = evaluate_heldout([_head(0.0, 0.0)], lambda _: Told(_label(0.0, 0.0), 0.2)).rows[0]
    assert row.photo_psnr == pytest.approx(20.0, abs=0.01)
    assert row.novel_psnr == pytest.approx(20.0, abs=0.01)


def test_novel_cameras_keep_pitch_and_turn_both_ways() -> None:
    yaw, pitch = yaw_pitch(split_label(novel_labels(_label(0.1, 0.2)))[0][:, :3, 3])
    torch.testing.assert_close(yaw, torch.tensor([-0.3, 0.5]))
    torch.testing.assert_close(pitch, torch.tensor([0.2, 0.2]))


def test_report_is_plain_data_and_a_table() -> None:
    seen: list[HeldoutRow] = []
    heads = [_head(0.0, 0.0), _head(0.3, 0.0), _head(-0.1, 0.1)]
    report = evaluate_heldout(heads, lambda _: Told(_label(0.0, 0.0), 0.0), seen.append)
    assert len(seen) == 3
    plain = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert plain["summary"]["heads"] == 3
    assert plain["summary"]["rotation_error_deg_median"] == pytest.approx(8.1, abs=0.1)
    assert len(report.table().splitlines()) == 5


def test_no_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="no heads"):
        evaluate_heldout([], lambda _: Told(_label(0.0, 0.0), 0.0))
