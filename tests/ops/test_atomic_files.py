from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.ops.atomic_files import FileWriteError, atomic_path, is_disk_full


def test_success_replaces_and_leaves_nothing_beside(tmp_path):
    target = tmp_path / "new" / "a.txt"
    for text in ("old", "new"):
        with atomic_path(target) as temporary:
            temporary.write_text(text)
    assert target.read_text() == "new"
    assert [entry.name for entry in target.parent.iterdir()] == ["a.txt"]


def test_failure_keeps_the_old_content(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyError("stop")
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0"),
        RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    ],
)
def test_full_disk_is_one_line_with_a_fix(tmp_path, error):
    target = tmp_path / "a.ckpt"
    target.write_text("old")
    with pytest.raises(FileWriteError, match="the disk is full; make room") as caught, atomic_path(target):
        raise error
    assert "\n" not in str(caught.value) and str(target) in str(caught.value)
    assert target.read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_really_full_device_is_recognised():
    with pytest.raises((OSError, RuntimeError)) as raw, open("/dev/full", "wb") as file:
        torch.save({"a": torch.zeros(100_000)}, file)
    assert is_disk_full(raw.value)


def test_file_in_the_way_of_a_directory_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "a.txt"
    with pytest.raises(FileWriteError, match="a file stands where"), atomic_path(target) as temporary:
        temporary.write_text("a")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_place_where_no_directory_can_be_made_is_explained():
    with (
        pytest.raises(FileWriteError, match="the directory /proc/nowhere cannot be made"),
        atomic_path("/proc/nowhere/a"),
    ):
        pass


def test_temporary_can_lie_elsewhere(tmp_path):
    target = tmp_path / "checkpoints" / "a.ckpt"
    with atomic_path(target, temporary_folder=tmp_path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path and list(target.parent.iterdir()) == []
    assert target.read_text() == "new" and len(list(tmp_path.iterdir())) == 1
