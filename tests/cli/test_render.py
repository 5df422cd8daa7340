"""`gan3dinv render`, as users start it on a run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gan3dinv_ns.cli import main
from gan3dinv_ns.editing import requests
from gan3dinv_ns.editing.directions import Direction
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.inversion.head_file import load_head
from gan3dinv_ns.ops.image_files import pixels_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def head_file(finished_run: Path, tmp_path: Path) -> Path:
    """The head of the finished run, alone in a folder."""
    return Path(shutil.copy(finished_run / "inversion" / "head.safetensors", tmp_path))


def test_a_run_becomes_a_video_in_its_folder(
    finished_run: Path, tmp_path: Path, read_mp4: Callable[[Path], np.ndarray]
) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "run", ignore=shutil.ignore_patterns("nerfstudio_models")))
    code = "from gan3dinv_ns.cli import main; main()"
    options = ["render", "run", "--path", "nod", "--seconds", "0.5", "--fps", "12"]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    file = run / "videos" / "nod.mp4"
    assert f"wrote {file}: 128 x 128 pixels, 6 frames, 0.5 s at 12 fps" in done.stdout and "6/6" in done.stdout
    assert read_mp4(file).shape == (6, 128, 128, 3)
    assert [one.name for one in file.parent.iterdir()] == ["nod.mp4"]


@pytest.mark.parametrize("place", ["config.yml", "inversion", "inversion/head.safetensors"])
def test_the_video_goes_to_the_run_or_beside_the_head(finished_run: Path, tmp_path: Path, place: str) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "run", ignore=shutil.ignore_patterns("nerfstudio_models")))
    main(["render", str(run / place), "--seconds", "0.2", "--fps", "10"])
    assert list(run.rglob("*.mp4")) == [run / ("videos" if place == "config.yml" else "inversion") / "turntable.mp4"]


def test_the_video_begins_with_the_photo_or_from_the_front(
    head_file: Path, read_mp4: Callable[[Path], np.ndarray]
) -> None:
    head = load_head(head_file)
    for start, first in (("photo", head.render(head.label[:1])["image"]), ("front", head.view())):
        output = head_file.with_name(f"{start}.mp4")
        options = ["--path", "sway", "--seconds", "0.2", "--fps", "10", "--start", start, "--output", str(output)]
        main(["render", str(head_file), *options])
        assert np.abs(read_mp4(output)[0].astype(float) - pixels_of(first)).mean() < 6


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_pictures_that_move_have_the_asked_size(head_file: Path, suffix: str) -> None:
    output = head_file.with_suffix(suffix)
    options = ["--path", "sway", "--seconds", "0.3", "--fps", "10", "--size", "64", "--output", str(output)]
    main(["render", str(head_file), *options])
    with Image.open(output) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (3, (64, 64), 0)


def test_an_orbit_with_an_edit_sways_and_passes_the_head_itself_between_both_ends(
    head_file: Path, read_mp4: Callable[[Path], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = load_head(head_file)
    direction = Direction.along("age", torch.ones(head.generator.w_dim), 0, head.generator.num_ws - 1)
    monkeypatch.setattr(requests, "find_directions", lambda *_: SimpleNamespace(directions={"age": direction}))
    frames = {}
    for path, options in {"sway": [], "orbit-edit": ["--edit", "age", "--strength", "2"]}.items():
        main(["render", str(head_file), "--path", path, "--seconds", "0.4", "--fps", "10", *options])
        frames[path] = read_mp4(head_file.parent / f"{path}.mp4").astype(float)
    changed = np.abs(frames["orbit-edit"] - frames["sway"]).mean(axis=(1, 2, 3))
    assert min(changed[[0, 2]]) > 5 * max(changed[[1, 3]])
    assert np.abs(frames["orbit-edit"][0] - frames["orbit-edit"][2]).mean() > 1


def test_tri_planes_are_computed_once(head_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counting(name: str) -> None:
        own = getattr(Generator, name)

        def counted(*given: Tensor, **named: Tensor) -> Tensor:
            calls.append(name)
            return own(*given, **named)

        monkeypatch.setattr(Generator, name, counted)

    counting("planes")
    counting("synthesis")
    main(["render", str(head_file), "--seconds", "0.4", "--fps", "10"])
    assert calls == ["planes"] + ["synthesis"] * 4


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--output", "head.avi"], r"head\.avi: .* use \.mp4, \.gif or \.webp"),
        (["--seconds", "-1"], "seconds -1 is not a positive number"),
        (["--fps", "0"], "fps 0 is not a positive number"),
        (["--size", "101"], "size 101: the side of an .mp4 is even"),
        (["--edit", "smile"], "smile: this head's generator has no named directions; give --directions FILE"),
    ],
)
def test_options_that_cannot_be_used_are_named(head_file: Path, options: list[str], reason: str) -> None:
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["render", str(head_file), *options])
    assert re.match("error: ", str(ended.value)) and "\n" not in str(ended.value)
    assert [one.name for one in head_file.parent.iterdir()] == [head_file.name]


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("nowhere", "nowhere does not exist; give the folder of a run"),
        ("nowhere/config.yml", "config.yml does not exist"),
        ("no.safetensors", "no.safetensors does not exist"),
        ("empty", r"empty: holds no head\.safetensors; give the folder of a finished run"),
    ],
)
def test_a_run_that_is_none_is_named_even_beside_a_head(head_file: Path, run: str, reason: str) -> None:
    head_file.with_name("empty").mkdir()
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["render", str(head_file.parent / run)])
    assert re.match("error: ", str(ended.value)) and "\n" not in str(ended.value)


def test_a_place_that_is_taken_is_named(head_file: Path) -> None:
    with pytest.raises(SystemExit, match="a file stands where a directory should be"):
        main(["render", str(head_file), "--output", str(head_file / "head.mp4")])
