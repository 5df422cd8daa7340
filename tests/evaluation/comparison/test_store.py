"""Claims about the folder of an experiment: nothing is lost, nothing is mixed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gan3dinv_ns.evaluation.comparison import store
from gan3dinv_ns.evaluation.comparison.experiment import Method
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder, natural_order

FAILED = Row("ours", "9", "hat", {}, error="no face was found")


def test_a_row_is_on_disk_with_its_picture_as_soon_as_it_is_added(filled, make_row, strip) -> None:
    folder = filled([make_row("ours", 3)])
    assert json.loads((folder.folder / "rows" / "ours" / "3.json").read_text())["photo"] == "3"
    with Image.open(folder.folder / "pictures" / "ours" / "3.png") as picture:
        assert picture.size == strip.size


def test_a_stopped_run_goes_on_with_what_is_there(filled, make_row, make_experiment) -> None:
    folder = filled([make_row("ours", 3), make_row("ours", 10), make_row("sg2", 3)])
    again = ExperimentFolder.opened(folder.folder, make_experiment())
    assert again.done("ours") == {"3", "10"} and again.done("sg2") == {"3"}
    assert again.missing("ours", ["10", "2", "3", "4"]) == ["2", "4"]
    assert list(again.rows("ours")) == [make_row("ours", 3), make_row("ours", 10)]


def test_what_was_being_written_when_the_process_was_killed_does_not_count(filled, make_row) -> None:
    folder = filled([make_row("ours", 3)])
    (folder.folder / "rows" / "ours" / ".4.123.part.json").write_text('{"method": "ou')
    (folder.folder / "pictures" / "ours" / ".4.123.part.png").write_bytes(b"\x89PNG")
    assert folder.done("ours") == {"3"} and len(list(folder.rows("ours"))) == 1


_KILLED_AT = """
import os, signal, sys
from pathlib import Path
from PIL import Image
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
from gan3dinv_ns.ops import atomic_files

place, renames = atomic_files.put_in_place, []

def put_in_place(temporary, final):
    renames.append(final)
    if len(renames) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    place(temporary, final)

atomic_files.put_in_place = put_in_place
folder = ExperimentFolder.loaded(Path(sys.argv[1]))
folder.add(Row("ours", "4", "", {"psnr": 1.0}), Image.new("RGB", (9, 25)))
"""


@pytest.mark.parametrize("files", (1, 2))
def test_a_process_killed_within_a_write_leaves_the_folder_readable(filled, make_row, strip, files: int) -> None:
    folder = filled([make_row("ours", 3)])
    run = subprocess.run([sys.executable, "-c", _KILLED_AT, str(folder.folder), str(files)], env=os.environ)
    assert run.returncode == -signal.SIGKILL
    assert list(folder.folder.rglob(".*.part.*")), "it was killed within a write"
    again = ExperimentFolder.loaded(folder.folder)
    assert again.missing("ours", ["3", "4"]) == ["4"]
    again.add(make_row("ours", 4), strip)
    assert list(again.rows("ours")) == [make_row("ours", 3), make_row("ours", 4)]


def test_a_row_whose_picture_is_gone_is_done_again(filled, make_row, strip) -> None:
    folder = filled([make_row("ours", 3)])
    folder.picture_path("ours", "3").unlink()
    assert folder.missing("ours", ["3"]) == ["3"] and list(folder.rows("ours")) == []
    folder.add(make_row("ours", 3), strip)
    assert folder.done("ours") == {"3"}


NAMES = ("a/b", "..", ".hidden", "a b", "100%", "%2F", "Zoë 写真", 'q"?*:<>|\\', "a\nb", "x.json", "nul")


def test_any_name_of_a_photo_stays_inside_the_folder_and_comes_back(filled, strip) -> None:
    folder = filled([Row("ours", name, "", {"psnr": 1.0}) for name in NAMES])
    assert folder.done("ours") == set(NAMES)
    assert {row.photo for row in folder.rows("ours")} == set(NAMES)
    assert all(path.parent == folder.folder / "rows" / "ours" for path in folder.folder.rglob("rows/**/*.json"))
    assert folder.missing("ours", NAMES) == []


@pytest.mark.parametrize(
    ("names", "told"), ((["a", "b", "a"], "two photos are named 'a'"), (["é" * 101], "1 to 200 bytes"), ([""], "''"))
)
def test_names_that_cannot_be_kept_apart_are_refused(filled, names, told) -> None:
    with pytest.raises(ValueError, match=told):
        filled([]).missing("ours", names)


def test_a_photo_is_not_added_twice(filled, make_row, strip) -> None:
    folder = filled([make_row("ours", 3)])
    with pytest.raises(ValueError, match="photo '3' with method 'ours' is there already"):
        folder.add(make_row("ours", 3), strip)


def test_rows_that_do_not_belong_to_the_experiment_are_refused(filled, make_row, strip) -> None:
    folder = filled([])
    with pytest.raises(ValueError, match="only sg2, ours"):
        folder.add(make_row("pti", 3), strip)
    with pytest.raises(ValueError, match="ssim is not among"):
        folder.add(Row("ours", "3", "", {"ssim": 1.0}), strip)
    with pytest.raises(ValueError, match="needs a picture"):
        folder.add(make_row("ours", 3))
    assert folder.done("ours") == set()


def test_failed_photos_count_as_done_until_they_are_forgotten(filled, make_row) -> None:
    folder = filled([make_row("ours", 3), FAILED])
    assert folder.missing("ours", ["3", "9"]) == []
    assert folder.forget_failed() == [FAILED]
    assert folder.missing("ours", ["3", "9"]) == ["9"] and folder.forget_failed() == []


def test_a_failed_photo_without_pictures_has_one_that_tells_why(filled) -> None:
    with Image.open(filled([FAILED]).picture_path("ours", "9")) as picture:
        assert len(picture.getcolors(10_000)) > 2


@pytest.mark.parametrize(
    "content", ("", "{", "[1]", '{"method": "ours", "photo": "3"}', "null", '{"method": "sg2"}', "OTHER")
)
def test_a_damaged_row_is_told_in_one_line_with_the_fix(filled, make_row, content: str) -> None:
    folder = filled([make_row("ours", 3), make_row("ours", 4)])
    path = folder.row_path("ours", "3")
    path.write_text(folder.row_path("ours", "4").read_text() if content == "OTHER" else content)
    with pytest.raises(ValueError, match=r"3\.json is damaged; remove it, and its photo is done again") as refused:
        list(folder.rows("ours"))
    assert "\n" not in str(refused.value)


def test_another_experiment_is_refused_with_the_difference_and_the_fix(filled, make_experiment) -> None:
    folder = filled([])
    before = (folder.folder / "experiment.json").read_bytes()
    with pytest.raises(ValueError, match="choose another --output-dir") as refused:
        ExperimentFolder.opened(folder.folder, make_experiment(dataset={"name": "cats"}))
    assert "dataset.name 'heads', not 'cats'" in str(refused.value) and "\n" not in str(refused.value)
    assert (folder.folder / "experiment.json").read_bytes() == before


def test_methods_can_be_added_later_and_the_others_stay(filled, make_row, make_experiment) -> None:
    folder = filled([make_row("ours", 3)])
    ExperimentFolder.opened(folder.folder, make_experiment({"pti": Method("PTI", {"steps": 2})}))
    again = ExperimentFolder.loaded(folder.folder)
    assert list(again.experiment.methods) == ["sg2", "ours", "pti"] and again.done("ours") == {"3"}


@pytest.mark.parametrize("content", ("{", "[1]", "{}", '{"methods": 3}'))
def test_a_damaged_experiment_is_told_in_one_line(filled, content: str) -> None:
    folder = filled([])
    (folder.folder / "experiment.json").write_text(content)
    with pytest.raises(ValueError, match=r"experiment\.json is damaged"):
        ExperimentFolder.loaded(folder.folder)


def test_rows_of_unknown_origin_and_no_rows_at_all_are_refused(
    filled, make_row, make_experiment, tmp_path: Path
) -> None:
    folder = filled([make_row("ours", 3)])
    (folder.folder / "experiment.json").unlink()
    with pytest.raises(ValueError, match=r"holds rows without an experiment\.json"):
        ExperimentFolder.opened(folder.folder, make_experiment())
    with pytest.raises(ValueError, match="does not exist; give the folder of an experiment"):
        ExperimentFolder.loaded(tmp_path / "nowhere")


def test_the_picture_is_there_before_the_row(filled, make_row, strip, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = filled([])

    def full(path: Path, content: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store, "_write_json", full)
    with pytest.raises(OSError, match="disk full"):
        folder.add(make_row("ours", 3), strip)
    assert folder.picture_path("ours", "3").is_file() and folder.done("ours") == set()


def test_numbers_inside_of_names_are_sorted_by_value() -> None:
    names = ["img10", "9", "img9", "10", "img9b", "", "²"]
    assert sorted(names, key=natural_order) == ["", "9", "10", "img9", "img9b", "img10", "²"]
