"""GIF and WebP, frame by frame. Pillow encodes the frames, but would gather all of them before it writes a file; so the
few bytes around them are written here.

Sources: GIF89a specification (1990), sections 17 to 27, and Netscape's application extension for loops; WebP container
specification (RFC 9649), sections 2.5 to 2.7.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import GifImagePlugin, Image

_GIF_LOOPS = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
"""For ever."""
_WEBP_QUALITY, _WEBP_EFFORT = 90, 4
_ANIMATED = 0x02
_OPAQUE = 0x02


def write_gif(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """Writes a GIF that loops, with 256 colours of its own for every frame.

    Args:
        path: where to.
        frames: each [H, W, 3] uint8.
        fps: frames per second, at most 50; where a frame does not last whole hundredths of a second, they differ by
            one, so that the whole has its length.

    Raises:
        OSError: of the file system, as it is.
    """
    with path.open("wb") as file:
        for number, levels in enumerate(frames):
            height, width = levels.shape[:2]
            if number == 0:
                file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + _GIF_LOOPS)
            duration_ms = 10 * _ticks(number, fps, 100)
            for block in GifImagePlugin.getdata(_indexed(levels), duration=duration_ms, include_color_table=True):
                file.write(block)
        file.write(b";")


def write_webp(path: Path, frames: Iterator[np.ndarray], fps: float) -> None:
    """Writes a WebP that loops.

    Args:
        path: where to.
        frames: each [H, W, 3] uint8.
        fps: frames per second; frames last whole milliseconds, which differ by one where they have to.

    Raises:
        OSError: of the file system, as it is.
    """
    with path.open("wb") as file:
        for number, levels in enumerate(frames):
            size = _three_bytes(levels.shape[1] - 1) + _three_bytes(levels.shape[0] - 1)
            if number == 0:
                file.write(b"RIFF\0\0\0\0WEBP" + _chunk(b"VP8X", struct.pack("<I", _ANIMATED) + size))
                file.write(_chunk(b"ANIM", b"\xff\xff\xff\xff" + struct.pack("<H", 0)))
            place = _three_bytes(0) * 2 + size + _three_bytes(_ticks(number, fps, 1000)) + bytes([_OPAQUE])
            file.write(_chunk(b"ANMF", place + _webp_bitstream(levels)))
        length = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", length - 8))


def _ticks(number: int, fps: float, per_second: int) -> int:
    """How long frame `number` lasts: from its own time to the next one's, both rounded."""
    return round((number + 1) * per_second / fps) - round(number * per_second / fps)


def _indexed(levels: np.ndarray) -> Image.Image:
    """A picture in the 256 colours that suit it best, dithered."""
    picture = Image.fromarray(levels)
    palette = picture.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    return picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _webp_bitstream(levels: np.ndarray) -> bytes:
    """The chunk that holds a still picture's pixels: its file without the header of 12 bytes."""
    still = io.BytesIO()
    Image.fromarray(levels).save(still, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_EFFORT)
    return still.getvalue()[12:]


def _chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a RIFF file; its content is filled up to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _three_bytes(number: int) -> bytes:
    return struct.pack("<I", number)[:3]
