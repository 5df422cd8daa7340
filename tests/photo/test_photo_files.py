"""Claims about which photos are meant by files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan3dinv_ns.photo import photos_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "c.heic", "notes.txt", "dataset.json"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.png").touch()
    return tmp_path


def test_a_folder_stands_for_its_pictures_and_a_file_for_itself(folder: Path) -> None:
    names = ["a.png", "b.JPG", "c.heic"]
    assert [photo.name for photo in photos_of([folder])] == names, "a HEIC is refused later, not passed over"
    assert photos_of([folder / "notes.txt"]) == [folder / "notes.txt"]
    given = [folder / "below" / "d.png", folder, folder / "a.png"]
    assert [photo.name for photo in photos_of(given)] == [*names, "d.png"], "by name, each once"


def test_what_cannot_be_told_apart_is_refused(folder: Path) -> None:
    (folder / "below" / "a.jpg").touch()
    with pytest.raises(ValueError, match="have the same name"):
        photos_of([folder, folder / "below"])
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no pictures"):
        photos_of([folder / "empty"])
