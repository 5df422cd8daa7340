"""Files of gaussians, read by an independent reader as their layout says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from plyfile import PlyData

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.ply import PROPERTIES, write_ply
from gan3dinv_ns.export.splats.rasteriser import rasterise
from gan3dinv_ns.ops.atomic_files import FileWriteError

HALF_TURN = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))


def read_as_viewers_do(path: Path) -> Gaussians:
    """The gaussians of a file, with its own axes."""
    rows = PlyData.read(str(path))["vertex"]

    def columns(*names: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([rows[name] for name in names], axis=1).astype(np.float64))

    return Gaussians(
        means=columns("x", "y", "z"),
        log_scales=columns("scale_0", "scale_1", "scale_2"),
        quaternions=columns("rot_0", "rot_1", "rot_2", "rot_3"),
        opacity_logits=columns("opacity")[:, 0],
        colours=0.5 + 0.28209479177387814 * columns("f_dc_0", "f_dc_1", "f_dc_2"),
    )


def test_a_file_turned_half_around_z_shows_what_was_written(make_gaussians, label_at, tmp_path):
    gaussians, label = make_gaussians(60), label_at(0.4)
    write_ply(tmp_path / "a.ply", gaussians)
    camera_to_world, intrinsics = split_label(label)
    turned = camera_label(HALF_TURN @ camera_to_world, intrinsics)
    background = torch.ones(3, dtype=torch.float64)
    written = rasterise(read_as_viewers_do(tmp_path / "a.ply"), turned, 32, background)[0]
    torch.testing.assert_close(written, rasterise(gaussians, label, 32, background)[0], atol=1e-4, rtol=0)


def test_the_layout_is_the_usual_one(make_gaussians, tmp_path):
    write_ply(tmp_path / "a.ply", make_gaussians(7))
    file = PlyData.read(str(tmp_path / "a.ply"))
    assert not file.text and file.byte_order == "<"
    vertex = file["vertex"]
    assert vertex.count == 7
    assert [each.name for each in vertex.properties] == list(PROPERTIES) and len(PROPERTIES) == 17
    assert {each.val_dtype for each in vertex.properties} == {"f4"}
    lengths = np.linalg.norm([vertex[f"rot_{i}"] for i in range(4)], axis=0)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


def test_scaling_changes_lengths_and_nothing_else(make_gaussians):
    gaussians = make_gaussians(9)
    larger = gaussians.scaled(3.0)
    torch.testing.assert_close(larger.means, 3 * gaussians.means)
    torch.testing.assert_close(larger.log_scales, gaussians.log_scales + math.log(3))
    for name in ("quaternions", "opacity_logits", "colours"):
        assert torch.equal(larger.tensors()[name], gaussians.tensors()[name])


def test_a_place_that_cannot_be_written_is_told_and_leaves_nothing(make_gaussians, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FileWriteError, match="taken"):
        write_ply(tmp_path / "taken" / "a.ply", make_gaussians(2))
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
