"""Videos: `.mp4` (H.264), and pictures that move and loop, `.gif` and `.webp`, written whole or not at all.

Frames come from an iterator and each is written before the next is asked for, so that memory does not grow with the
length of a video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path

import numpy as np
from torch import Tensor

from gan3dinv_ns.export.moving_pictures import write_gif, write_webp
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import pixels_of
from gan3dinv_ns.photo import fit_to

HIGHEST_FPS = {".mp4": 240, ".gif": 50, ".webp": 90}
"""Frames per second, at most, by suffix: browsers slow pictures down whose frames last 10 ms or less, and a GIF counts
hundredths of a second."""

SMALLEST_SIDE, LARGEST_SIDE = 16, 4096

_QUALITY = "16"
"""x264's constant rate factor: near to lossless to the eye."""
_BT709, _LIMITED = 1, 1
"""Numbers of H.273 for the colours of the file, without which players guess them."""


@dataclass(frozen=True)
class VideoFormat:
    """What a video is like, whatever it shows.

    Attributes:
        seconds: its length.
        fps: frames per second.
        side: of its square frames in pixels; None for the pictures' own.
    """

    seconds: float
    fps: float
    side: int | None = None

    @property
    def count(self) -> int:
        """How many frames that are."""
        return round(self.seconds * self.fps)

    def check(self, path: Path) -> None:
        """Whether such a video can be written to a file of that name.

        Raises:
            ValueError: one line that names the value and the fix.
        """
        suffix = path.suffix.lower()
        if suffix not in HIGHEST_FPS:
            raise ValueError(f"{path}: a video is not written with the suffix {suffix!r}; use .mp4, .gif or .webp")
        for name, value, usual in (("seconds", self.seconds, "4"), ("fps", self.fps, "25")):
            if not (isfinite(value) and value > 0):
                raise ValueError(f"{name} {value:g} is not a positive number; {usual} is usual")
        if self.fps > HIGHEST_FPS[suffix]:
            raise ValueError(f"fps {self.fps:g}: a {suffix} file shows at most {HIGHEST_FPS[suffix]} frames per second")
        if self.count < 2:
            raise ValueError(f"{self.seconds:g} seconds at {self.fps:g} fps are not even two frames; raise one of them")
        if self.side is None:
            return
        if not SMALLEST_SIDE <= self.side <= LARGEST_SIDE:
            raise ValueError(f"size {self.side} cannot be used; give {SMALLEST_SIDE} to {LARGEST_SIDE} pixels")
        if suffix == ".mp4" and self.side % 2:
            raise ValueError(f"size {self.side}: the side of an .mp4 is even; give {self.side + 1}")


def write_video(
    path: str | Path,
    pictures: Iterable[Tensor],
    video: VideoFormat,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a video; the suffix of `path` chooses the format.

    Args:
        path: `.mp4`, `.gif` or `.webp`.
        pictures: as many as the video has frames, each [1, 3, R, R] in [-1, 1], R even for `.mp4`; values outside are
            clamped. One is asked for at a time.
        video: what it is like; its `side` resizes the pictures, bicubic and without aliases.
        progress: told after each frame how many are done, and how many there are.

    Raises:
        ValueError: the suffix is another, or a number cannot be used.
        FileWriteError: the disk is full or the place is not writable.
    """
    path = Path(path)
    video.check(path)
    with atomic_path(path) as temporary:
        _WRITERS[path.suffix.lower()](temporary, _frames(pictures, video, progress), video.fps)


def _frames(
    pictures: Iterable[Tensor], video: VideoFormat, progress: Callable[[int, int], None] | None
) -> Iterator[np.ndarray]:
    """Pictures as [S, S, 3] uint8, one at a time."""
    for done, picture in enumerate(pictures, start=1):
        yield pixels_of(fit_to(picture, video.side or picture.shape[-1]))
        if progress is not None:
            progress(done, video.count)


def _write_mp4(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """H.264 with 4:2:0 colours, which every player shows; the index is in front, so that it plays while it loads."""
    import av

    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = None
        for levels in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
                stream.height, stream.width = levels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": _QUALITY}
                coder = stream.codec_context
                coder.colorspace = coder.color_primaries = coder.color_trc = _BT709
                coder.color_range = _LIMITED
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())


_WRITERS = {".mp4": _write_mp4, ".gif": write_gif, ".webp": write_webp}
