"""Downloads, from a server of this process that does what servers and lines do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gan3dinv_ns.ops import downloads
from gan3dinv_ns.ops.atomic_files import FileWriteError
from gan3dinv_ns.ops.downloads import download_file

CONTENT = bytes(range(256)) * 4000


def test_a_file_comes_whole_and_nothing_else_stays(tmp_path, file_server):
    url = file_server.serve("a.bin", CONTENT)
    download_file(url, tmp_path / "new" / "a.bin")
    assert (tmp_path / "new" / "a.bin").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.bin"]


def test_a_cut_download_goes_on_where_it_stopped(tmp_path, file_server):
    url = file_server.serve("a.bin", CONTENT, cut_at=600_000)
    with pytest.raises(ValueError, match=r"a.bin cannot be downloaded \(the connection broke after 0.\d MB; run again"):
        download_file(url, tmp_path / "a.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin.part"]
    have = (tmp_path / "a.bin.part").stat().st_size
    assert 0 < have <= 600_000
    download_file(url, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert file_server.ranges == [None, f"bytes={have}-"]


def test_a_server_without_ranges_starts_anew(tmp_path, file_server):
    url = file_server.serve("a.bin", CONTENT, ranges=False)
    (tmp_path / "a.bin.part").write_bytes(b"something else")
    download_file(url, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT and len(file_server.ranges) == 1


@pytest.mark.parametrize("have", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_too_long_to_go_on_with_starts_anew(tmp_path, file_server, have):
    (tmp_path / "a.bin.part").write_bytes(bytes(have))
    download_file(file_server.serve("a.bin", CONTENT), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_size_that_does_not_agree_is_an_error_and_can_be_repaired(tmp_path, file_server):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    url = file_server.serve("a.bin", CONTENT, told_size=len(CONTENT) + 7)
    with pytest.raises(ValueError, match=r"\(1024000 of 1024007 bytes came; run again to resume\)"):
        download_file(url, tmp_path / "a.bin")
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    url = file_server.serve("a.bin", CONTENT, told_size=len(CONTENT) - 7)
    with pytest.raises(ValueError, match=r"\(1024000 bytes came instead of 1023993; run again to start anew\)"):
        download_file(url, tmp_path / "a.bin")
    assert not list(tmp_path.iterdir())


def test_refusals_and_dead_ends_are_one_line(tmp_path, file_server):
    with pytest.raises(ValueError, match=r"gone.bin cannot be downloaded \(the server answers 404 Not Found\)$"):
        download_file(file_server.url("gone.bin"), tmp_path / "a.bin")
    file_server.close()
    with pytest.raises(ValueError, match=r"a.bin cannot be downloaded \(the server cannot be reached\)$"):
        download_file(file_server.url("a.bin"), tmp_path / "a.bin")
    with pytest.raises(ValueError, match=r"cannot be downloaded \(.*\)$"):
        download_file("http://", tmp_path / "a.bin")
    assert not list(tmp_path.iterdir())


def test_a_silent_server_is_given_up(tmp_path, file_server, monkeypatch):
    monkeypatch.setattr(downloads, "_SILENT_SECONDS", 0.2)
    url = file_server.serve("a.bin", CONTENT, silent_seconds=1.0)
    with pytest.raises(ValueError, match="the server does not answer"):
        download_file(url, tmp_path / "a.bin")


def test_a_full_disk_is_told_and_keeps_what_has_come(tmp_path, file_server, monkeypatch):
    url = file_server.serve("a.bin", CONTENT)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FileWriteError, match=r"a.bin: the disk is full"):
            download_file(url, tmp_path / "a.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin.part"]


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path, file_server):
    Path(tmp_path / "file").write_text("")
    with pytest.raises(FileWriteError, match="a file stands where"):
        download_file(file_server.serve("a.bin", CONTENT), tmp_path / "file" / "a.bin")
