"""Generating, resuming and packing a data set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.heads import dataset
from gan3dinv_ns.heads.attributes import attribute_names, attribute_vector, draw_attributes
from gan3dinv_ns.heads.dataset import HeadSettings, draw_cameras, draw_poses, generate_dataset, pack_dataset
from gan3dinv_ns.heads.packed import PackedHeads

SETTINGS = HeadSettings(first_seed=7, count=5, views=2, resolution=32, supersample=2)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "CHUNK", 2)


def test_poses_are_seeded_and_limited() -> None:
    poses = np.concatenate([draw_poses(seed, 4)[:3] for seed in range(400)])
    assert np.array_equal(draw_poses(3, 4), draw_poses(3, 4))
    assert np.abs(poses[:, 0]).max() <= 0.6 and np.abs(poses[:, 1]).max() <= 0.3
    assert 0.2 < poses[:, 0].std() < 0.3 and 0.1 < poses[:, 1].std() < 0.15


def test_the_last_of_four_views_is_taken_from_any_side() -> None:
    yaw, pitch = np.stack([draw_poses(seed, 4)[3] for seed in range(400)]).T
    assert 0.8 < yaw.std() < 1.1 and np.abs(yaw).max() > 2
    assert np.abs(pitch).max() <= 0.3
    assert np.abs(draw_poses(5, 3)).max() <= 0.6, "three views show the face"


def test_without_roll_cameras_are_upright_and_with_roll_only_that_changes() -> None:
    upright, rolled = draw_cameras(5, 4), draw_cameras(5, 4, roll=0.3)
    assert torch.equal(upright, orbit(*torch.from_numpy(draw_poses(5, 4)).unbind(1)))
    assert torch.equal(upright[:, :3, 3], rolled[:, :3, 3]), "the place stays"
    assert torch.allclose(upright[:, :3, 2], rolled[:, :3, 2], atol=1e-6), "the viewing axis stays"
    rolls = torch.cat([(draw_cameras(s, 4, 0.3)[:, 1, 0]).asin() for s in range(100)])
    assert 0.15 < float(rolls.std()) < 0.19 and float(rolls.abs().max()) < 0.31, "uniform within 0.3"
    assert torch.allclose(torch.stack(yaw_pitch(-rolled[:, :3, 2]), 1), torch.from_numpy(draw_poses(5, 4)), atol=1e-5)


def test_a_folder_from_before_roll_is_taken_as_upright(makehuman_folder: Path, tmp_path: Path) -> None:
    folder = generate_dataset(makehuman_folder, tmp_path / "set", SETTINGS, 1, None, tmp_path)
    settings = json.loads((folder / "settings.json").read_text())
    del settings["roll"]
    (folder / "settings.json").write_text(json.dumps(settings))
    generate_dataset(makehuman_folder, folder, SETTINGS, 1, None, tmp_path)
    (folder / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="another roll"):
        generate_dataset(makehuman_folder, folder, replace(SETTINGS, roll=0.3), 1, None, tmp_path)


def test_folder_is_in_eg3ds_format_with_all_labels(makehuman_folder: Path, tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    folder = generate_dataset(makehuman_folder, tmp_path / "set", SETTINGS, 1, lambda *r: reports.append(r), tmp_path)
    assert reports == [(2, 5), (4, 5), (5, 5)]
    labels = json.loads((folder / "images" / "dataset.json").read_text())["labels"]
    assert len(labels) == 10 and all(len(label) == 25 for _, label in labels)
    with Image.open(folder / "images" / labels[9][0]) as image:
        assert image.size == (32, 32) and image.mode == "RGB"
    table = json.loads((folder / "attributes.json").read_text())
    assert table["names"] == attribute_names()
    assert [head["seed"] for head in table["heads"]] == [7, 8, 9, 10, 11]


def test_packing_keeps_attributes_cameras_and_depth(makehuman_folder: Path, tmp_path: Path) -> None:
    folder = generate_dataset(makehuman_folder, tmp_path / "set", SETTINGS, 1, None, tmp_path)
    pack_dataset(folder, tmp_path / "heads.safetensors")
    packed = PackedHeads(tmp_path / "heads.safetensors")
    assert packed.seeds.tolist() == [7, 8, 9, 10, 11] and packed.views == 2
    assert np.allclose(packed.attributes[2], attribute_vector(draw_attributes(9)), atol=0.01)
    assert np.allclose(packed.yaw_pitch[4], draw_poses(11, 2))
    rgb, depth, alpha, label = packed.decode(4, 1)
    assert rgb.shape == (32, 32, 3)
    assert 2.0 < depth[16, 16] < 2.7 and alpha[16, 16] == 1
    assert np.isclose(np.linalg.norm(label[[3, 7, 11]]), 2.7, atol=1e-4)


def test_packing_into_several_files_keeps_all_heads_in_order(makehuman_folder: Path, tmp_path: Path) -> None:
    folder = generate_dataset(makehuman_folder, tmp_path / "set", SETTINGS, 1, None, tmp_path)
    files = pack_dataset(folder, tmp_path / "heads.safetensors", heads_per_file=4)
    assert [path.name for path in files] == ["heads-0.safetensors", "heads-1.safetensors"]
    assert [seed for path in files for seed in PackedHeads(path).seeds.tolist()] == [7, 8, 9, 10, 11]


def test_interrupted_generation_resumes_with_the_same_result(
    makehuman_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = generate_dataset(makehuman_folder, tmp_path / "whole", SETTINGS, 1, None, tmp_path)

    def stop_after_first(done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_dataset(makehuman_folder, tmp_path / "broken", SETTINGS, 1, stop_after_first, tmp_path)
    assert len(list((tmp_path / "broken" / "chunks").iterdir())) == 1
    made: list[int] = []
    make_chunk = dataset.make_chunk
    monkeypatch.setattr(dataset, "make_chunk", lambda *args: (made.append(args[-1]), make_chunk(*args)))
    generate_dataset(makehuman_folder, tmp_path / "broken", SETTINGS, 1, None, tmp_path)
    assert made == [1, 2], "the finished chunk is kept"
    for name in ("chunks/00000.npz", "chunks/00002.npz"):
        with np.load(whole / name) as first, np.load(tmp_path / "broken" / name) as second:
            assert all(np.array_equal(first[key], second[key]) for key in first)


def test_processes_give_what_one_process_gives(
    makehuman_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "CHUNK", 50)  # spawned processes see the module's own size
    settings = HeadSettings(count=51, views=1, resolution=16, supersample=1)
    generate_dataset(makehuman_folder, tmp_path / "two", settings, 2, None, tmp_path)
    generate_dataset(makehuman_folder, tmp_path / "one", settings, 1, None, tmp_path)
    with np.load(tmp_path / "one/chunks/00001.npz") as one, np.load(tmp_path / "two/chunks/00001.npz") as two:
        assert all(np.array_equal(one[key], two[key]) for key in one)


def test_other_settings_in_the_same_folder_are_refused(makehuman_folder: Path, tmp_path: Path) -> None:
    generate_dataset(makehuman_folder, tmp_path / "set", SETTINGS, 1, None, tmp_path)
    other = HeadSettings(first_seed=7, count=5, views=2, resolution=16, supersample=2)
    with pytest.raises(ValueError, match="another resolution"):
        generate_dataset(makehuman_folder, tmp_path / "set", other, 1, None, tmp_path)


def test_packing_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no heads in"):
        pack_dataset(tmp_path, tmp_path / "heads.safetensors")
