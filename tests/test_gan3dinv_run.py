from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.eg3d import registry
from gan3dinv_ns.gan3dinv_run import (
    copy_photos,
    has_checkpoint,
    latest_checkpoint,
    name_of,
    read_checkpoint,
    resolve_generator,
    resolve_photos,
    usable_device,
    write_checkpoint,
)
from gan3dinv_ns.ops.atomic_files import FileWriteError


def state(step: int) -> dict:
    return {"step": step, "pipeline": {"w": torch.ones(3)}, "optimizers": {}, "schedulers": {}, "scalers": {}}


def test_checkpoint_comes_back_and_only_the_latest_stays(tmp_path):
    folder = tmp_path / "nerfstudio_models"
    for step in (9, 99):
        write_checkpoint(state(step), folder, only_latest=True)
    assert [path.name for path in folder.iterdir()] == ["step-000000099.ckpt"] and has_checkpoint(folder)
    assert latest_checkpoint(folder) == latest_checkpoint(tmp_path) == folder / "step-000000099.ckpt"
    assert read_checkpoint(latest_checkpoint(folder))["step"] == 99


def test_full_disk_keeps_the_earlier_checkpoint(tmp_path, monkeypatch):
    folder = tmp_path / "nerfstudio_models"
    write_checkpoint(state(9), folder, only_latest=True)

    def full(content, path):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(FileWriteError, match="the disk is full"):
        write_checkpoint(state(19), folder, only_latest=True)
    assert [path.name for path in folder.iterdir()] == ["step-000000009.ckpt"]
    assert [path.name for path in tmp_path.iterdir()] == ["nerfstudio_models"]


def test_unusable_checkpoints_are_explained(tmp_path):
    with pytest.raises(ValueError, match="no checkpoint step-"):
        latest_checkpoint(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        read_checkpoint(tmp_path / "step-000000001.ckpt")
    (tmp_path / "damaged.ckpt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read"):
        read_checkpoint(tmp_path / "damaged.ckpt")
    torch.save({"other": 1}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"not one of nerfstudio's"):
        read_checkpoint(tmp_path / "other.ckpt")


def test_photo_is_copied_into_the_run_and_found_again(tmp_path, photo_file):
    run = tmp_path / "my face" / "gan3dinv" / "2026"
    copy = copy_photos([photo_file], run)
    assert copy == run / "photo.png" and copy_photos([copy], run) == copy
    assert copy.read_bytes() == photo_file.read_bytes()
    (run / "config.yml").write_text("")
    assert resolve_photos(None, run / "nerfstudio_models" / "step-000000001.ckpt") == [copy]
    assert name_of([copy]) == name_of([photo_file]) == "my face"


def test_several_photos_are_copied_into_a_folder_of_the_run_and_found_again(tmp_path, photo_file):
    photos = [tmp_path / "ada" / name for name in ("b.png", "a.png")]
    for photo in photos:
        photo.parent.mkdir(exist_ok=True)
        shutil.copyfile(photo_file, photo)
    assert resolve_photos(photos, None) == resolve_photos([tmp_path / "ada"], None) == sorted(photos)
    run = tmp_path / "ada" / "gan3dinv" / "2026"
    folder = copy_photos(photos, run)
    copies = [folder / "a.png", folder / "b.png"]
    assert folder == run / "photos" and sorted(folder.iterdir()) == copies
    (run / "config.yml").write_text("")
    assert resolve_photos(None, run / "nerfstudio_models" / "step-000000001.ckpt") == copies
    assert name_of(copies) == name_of(photos) == "ada"
    head = run / "heads" / "a" / "photo.png"
    head.parent.mkdir(parents=True)
    (head.parent / "config.yml").write_text("")
    assert name_of([head]) == "a"


def test_missing_inputs_are_named(tmp_path):
    with pytest.raises(ValueError, match="--data PHOTO"):
        resolve_photos(None, None)
    with pytest.raises(ValueError, match=r"gone.pkl: no such file"):
        resolve_generator(str(tmp_path / "gone.pkl"))
    assert resolve_generator("makehuman128-64") == "makehuman128-64"


def test_names_and_urls_stay_as_they_are_and_are_had_before_a_run_begins(
    tmp_path, file_server, tiny_generator_file, monkeypatch
):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(registry, "PUBLISHED_FOLDER", file_server.url("files"))
    url = file_server.serve("tiny.safetensors", tiny_generator_file.read_bytes())
    assert resolve_generator(url) == url and len(file_server.ranges) == 1
    assert registry.network_file(url, "generator").read_bytes() == tiny_generator_file.read_bytes()
    shutil.copyfile(tiny_generator_file, tmp_path / "checkpoints" / "ffhq512-64.safetensors")
    file_server.close()
    assert resolve_generator(url) == url and resolve_generator("ffhq512-64") == "ffhq512-64"
    with pytest.raises(ValueError, match=r"ffhq512-128\.pkl cannot be downloaded"):
        resolve_generator("ffhq512-128")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_missing_gpu_falls_back_to_the_cpu():
    assert usable_device("cuda") == usable_device("cpu") == "cpu"


def test_an_apple_gpu_falls_back_with_one_line(capsys):
    assert usable_device("mps") == "cpu"
    assert capsys.readouterr().out.count("\n") == 1
