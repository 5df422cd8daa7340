"""Claims about photos that are aligned by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.ops.image_files import read_image, write_image
from gan3dinv_ns.photo import FaceFrame, FramingSettings, Square
from gan3dinv_ns.photo.align_files import AlignSettings, align_files


@pytest.fixture
def photos(tmp_path: Path, placed: Callable[..., Tensor]) -> Path:
    """b.png has two faces, c.png none, d.jpg one; notes.txt is no photo."""
    folder = tmp_path / "photos"
    write_image(folder / "b.png", placed(Square(30, 40, 130), Square(300, 100, 220)))
    write_image(folder / "c.png", torch.zeros(1, 3, 90, 90))
    write_image(folder / "d.jpg", placed(Square(100, 60, 300)))
    (folder / "notes.txt").write_text("not a photo")
    return folder


def test_each_photo_keeps_its_name_also_where_another_has_no_face(
    photos: Path, tmp_path: Path, frame: FaceFrame
) -> None:
    out, seen = tmp_path / "out", []
    with pytest.raises(ValueError, match=r"1 of 3 photos are not aligned \(c.png\); why is in .*alignment.json"):
        align_files(photos, out, AlignSettings(96, frame), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert sorted(path.name for path in out.iterdir()) == ["alignment.json", "b.png", "d.png"]
    assert read_image(out / "b.png").shape == (1, 3, 96, 96)
    records = json.loads((out / "alignment.json").read_text())
    assert records["d.jpg"]["squares"][0][:3] == pytest.approx([100, 60, 300], abs=12)
    assert "no face is found" in records["c.png"]["problem"]


def test_every_face_can_be_written(photos: Path, tmp_path: Path, frame: FaceFrame) -> None:
    out = tmp_path / "out"
    written = align_files(photos / "b.png", out, AlignSettings(64, frame, every_face=True))
    assert [path.name for path in written] == ["b_0.png", "b_1.png", "alignment.json"]
    sides = [square[2] for square in json.loads((out / "alignment.json").read_text())["b.png"]["squares"]]
    assert sides == pytest.approx([220, 130], rel=0.1)


def test_a_square_can_be_given_where_no_face_is(photos: Path, tmp_path: Path) -> None:
    choice = FramingSettings(crop=(10, 10, 30))
    written = align_files(photos / "c.png", tmp_path / "out", AlignSettings(32, framing=choice))
    assert [path.name for path in written] == ["c.png", "alignment.json"]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("c.png", AlignSettings(), "c.png: no face is found; give --crop"),
        ("d.jpg", AlignSettings(framing=FramingSettings(face=3)), "face 3 is asked for, 1 are found"),
        ("d.jpg", AlignSettings(size=0), "size 0 is not positive"),
        ("notes.txt", AlignSettings(), "notes.txt is not a picture"),
        ("missing.png", AlignSettings(), "missing.png does not exist"),
    ],
)
def test_a_photo_that_cannot_be_aligned_says_why(
    photos: Path, tmp_path: Path, name: str, settings: AlignSettings, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        align_files(photos / name, tmp_path / "out", settings)


def test_nothing_is_overwritten(photos: Path, tmp_path: Path, portrait: Tensor) -> None:
    with pytest.raises(ValueError, match="none is overwritten"):
        align_files(photos, photos, AlignSettings())
    write_image(photos / "d.png", portrait)
    with pytest.raises(ValueError, match=r"d.jpg and .*d.png have the same name"):
        align_files(photos, tmp_path / "out", AlignSettings())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no pictures"):
        align_files(tmp_path / "empty", tmp_path / "out", AlignSettings())
