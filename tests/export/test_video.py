"""Video files, read back by other people's readers."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gan3dinv_ns.export.video import VideoFormat, write_video
from gan3dinv_ns.ops.atomic_files import FileWriteError
from gan3dinv_ns.ops.image_files import pixels_of

SUFFIXES = (".mp4", ".gif", ".webp")
SIDE = 32
Reader = Callable[[Path], tuple[np.ndarray, float]]


def picture(number: int, side: int = SIDE) -> Tensor:
    """Smooth colours, among them strong ones, which move from one number to the next."""
    down, across = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    phase = number / 6
    return torch.stack([torch.sin(3 * across + phase), torch.cos(2 * down - phase), (across * down).clamp(-1, 0.5)])[
        None
    ]


@pytest.fixture
def read_back(read_mp4: Callable[[Path], np.ndarray]) -> Reader:
    """Reads all frames [N, H, W, 3] uint8, and how many seconds they take."""

    def read(path: Path) -> tuple[np.ndarray, float]:
        if path.suffix == ".mp4":
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                return read_mp4(path), float(stream.duration * stream.time_base)
        frames, milliseconds = [], 0.0
        with Image.open(path) as image:
            assert image.info["loop"] == 0
            for number in range(image.n_frames):
                image.seek(number)
                frames.append(np.asarray(image.convert("RGB")))
                milliseconds += image.info["duration"]
        return np.stack(frames), milliseconds / 1000

    return read


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fps", [25, 29.97, 12])
def test_frames_length_and_colours_come_back(tmp_path: Path, read_back: Reader, suffix: str, fps: float) -> None:
    path = tmp_path / f"head{suffix}"
    video = VideoFormat(seconds=1.0, fps=fps)
    write_video(path, map(picture, range(video.count)), video)
    frames, seconds = read_back(path)
    assert frames.shape == (video.count, SIDE, SIDE, 3)
    assert seconds == pytest.approx(video.count / fps, abs=0.006)
    given = np.stack([pixels_of(picture(number)) for number in range(video.count)])
    difference = np.abs(frames.astype(float) - given)
    assert difference.mean() < 5 and difference.mean(axis=(1, 2, 3)).max() < 6
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_mp4_says_how_its_colours_are_meant_and_where_it_begins(tmp_path: Path) -> None:
    write_video(tmp_path / "head.mp4", map(picture, range(5)), VideoFormat(0.2, 25))
    with av.open(str(tmp_path / "head.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec.name, stream.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 25)
        coder = stream.codec_context
        assert (coder.colorspace, coder.color_primaries, coder.color_trc, coder.color_range) == (1, 1, 1, 1)
    content = (tmp_path / "head.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("side", [24, 64])
def test_pictures_are_resized(tmp_path: Path, read_back: Reader, suffix: str, side: int) -> None:
    path = tmp_path / f"head{suffix}"
    write_video(path, map(picture, range(3)), VideoFormat(0.3, 10, side))
    frames, _ = read_back(path)
    assert frames.shape == (3, side, side, 3)
    assert np.abs(frames[0].astype(float) - pixels_of(picture(0, side))).mean() < 8


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_frame_is_written_before_the_next_is_asked_for(tmp_path: Path, suffix: str) -> None:
    alive, told = [0, 0], []

    class Counted:
        def __init__(self) -> None:
            alive[0] += 1
            alive[1] = max(alive)

        def __del__(self) -> None:
            alive[0] -= 1

    def pictures() -> Iterator[Tensor]:
        for number in range(20):
            assert len(told) == number
            one = picture(number)
            one.owner = Counted()  # type: ignore[attr-defined]
            yield one
            del one

    write_video(tmp_path / f"a{suffix}", pictures(), VideoFormat(1, 20), lambda *given: told.append(given))
    assert told == [(done, 20) for done in range(1, 21)]
    assert alive[1] <= 2


@pytest.mark.parametrize(
    ("name", "video", "reason"),
    [
        ("head.avi", VideoFormat(1, 25), r"head\.avi: .* suffix '\.avi'; use \.mp4, \.gif or \.webp"),
        ("head", VideoFormat(1, 25), r"suffix ''; use \.mp4"),
        ("head.mp4", VideoFormat(0, 25), "seconds 0 is not a positive number"),
        ("head.mp4", VideoFormat(float("inf"), 25), "seconds inf"),
        ("head.mp4", VideoFormat(1, -5), "fps -5 is not a positive number"),
        ("head.mp4", VideoFormat(1, float("nan")), "fps nan"),
        ("head.gif", VideoFormat(1, 60), r"fps 60: a \.gif file shows at most 50"),
        ("head.mp4", VideoFormat(0.05, 25), r"0\.05 seconds at 25 fps are not even two frames"),
        ("head.mp4", VideoFormat(1, 25, 33), r"size 33: .* even; give 34"),
        ("head.webp", VideoFormat(1, 25, 8), "size 8 cannot be used; give 16 to 4096"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_rendered(
    tmp_path: Path, name: str, video: VideoFormat, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        write_video(tmp_path / name, iter(lambda: pytest.fail("rendered"), None), video)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_one_line_and_the_old_video_stays(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"head{suffix}"
    video = VideoFormat(1, 20)
    write_video(path, map(picture, range(20)), video)
    old = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (100, len(old) // 2, len(old) * 9 // 10):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            with pytest.raises(FileWriteError, match="the disk is full; make room"):
                write_video(path, map(picture, range(20)), video)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == old and os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rendering_that_fails_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def pictures() -> Iterator[Tensor]:
        yield picture(0)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write_video(tmp_path / f"head{suffix}", pictures(), VideoFormat(1, 20))
    assert not list(tmp_path.iterdir())
