"""Claims about where photos come from, and what is known of them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.experiments.photos import DrawnHead, PhotoFile, Studio, find_photos

LABEL = camera_label(orbit(0.2, 0.1), intrinsics_matrix()).flatten().tolist()


@pytest.fixture
def studio() -> Studio:
    """Of a generator that is only asked for its size."""
    rendering = SimpleNamespace(white_back=False)
    studio = Studio(SimpleNamespace(img_resolution=64, rendering=rendering))  # type: ignore[arg-type]
    studio.__dict__["frame"] = None
    return studio


def _picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((80, 96, 3), 90, np.uint8)).save(path)
    return path


def test_of_a_drawn_head_photo_camera_and_truth_are_known(studio: Studio) -> None:
    source = DrawnHead("heads", 900_001)
    known = pickle.loads(pickle.dumps(source)).take(studio)
    assert source.name == "900001" and known.kind == "in family" and known.photos.shape == (1, 3, 64, 64)
    assert known.truth is not None and known.label is not None
    again = known.truth.render(known.label, 64)[0]
    torch.testing.assert_close(again, known.photos)


def test_a_folder_without_labels_gives_photos_alone(tmp_path: Path, studio: Studio) -> None:
    for name in ("b.png", "a.jpg"):
        _picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    sources = find_photos(tmp_path)
    assert [source.name for source in sources] == ["a", "b"]
    known = sources[0].take(studio)
    assert known.label is None and known.truth is None and known.photos.shape == (1, 3, 64, 64)


def test_labels_are_taken_from_the_dataset_json_as_far_as_it_has_them(tmp_path: Path, studio: Studio) -> None:
    for name in ("a.png", "b.png"):
        _picture(tmp_path / name)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [["a.png", LABEL]]}))
    first, second = (source.take(studio) for source in find_photos(tmp_path))
    assert first.label is not None and first.label.flatten().tolist() == pytest.approx(LABEL, abs=1e-6)
    assert second.label is None


def test_a_dataset_json_names_its_photos_in_folders_below(tmp_path: Path, studio: Studio) -> None:
    for name in ("00000/a.png", "00001/a.png", "other.png"):
        _picture(tmp_path / name)
    labels = {"labels": [["00000/a.png", LABEL], ["00001/a.png", LABEL]]}
    (tmp_path / "dataset.json").write_text(json.dumps(labels))
    sources = find_photos(tmp_path / "dataset.json")
    assert [source.name for source in sources] == ["00000/a", "00001/a"]
    assert all(source.take(studio).label is not None for source in sources)


def test_a_damaged_label_is_an_error_of_its_photo(tmp_path: Path, studio: Studio) -> None:
    _picture(tmp_path / "a.png")
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [["a.png", LABEL[:7]]]}))
    (source,) = find_photos(tmp_path)
    with pytest.raises(ValueError, match=r"the label of a\.png must have 25 numbers"):
        source.take(studio)


def test_a_photo_that_cannot_be_read_is_told_when_it_is_taken(tmp_path: Path, studio: Studio) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.png"):
        PhotoFile(path, "broken").take(studio)


@pytest.mark.parametrize(
    ("place", "told"),
    [("nowhere", "is no folder of photos"), (".", "holds no pictures"), ("dataset.json", "no such file")],
)
def test_places_without_photos_are_refused_in_one_line(tmp_path: Path, place: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        find_photos(tmp_path / place)
    assert "\n" not in str(caught.value)


def test_two_photos_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        _picture(tmp_path / name)
    with pytest.raises(ValueError, match="have the same name"):
        find_photos(tmp_path)
