"""Many photos, each cut to the square that a generator wants: a file for a file, by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import read_image, write_image
from gan3dinv_ns.photo.crop import fit_to
from gan3dinv_ns.photo.faces import find_faces
from gan3dinv_ns.photo.framing import (
    FFHQ_FRAME,
    FaceFrame,
    Framing,
    FramingSettings,
    choose_square,
    cut_framing,
    frame_face,
)
from gan3dinv_ns.photo.photo_files import photos_of

RECORD = "alignment.json"
_NAMED = 3


@dataclass(frozen=True)
class AlignSettings:
    """How photos are cut.

    Attributes:
        size: side of the written pictures, pixels.
        frame: where a face belongs in them.
        framing: which face, whether it is levelled, or the square to take instead; photos that are framed well already
            are no exception here.
        every_face: a picture for each face, instead of one for each photo.
    """

    size: int = 512
    frame: FaceFrame = FFHQ_FRAME
    framing: FramingSettings = field(default_factory=FramingSettings)
    every_face: bool = False


def align_files(
    source: Path,
    folder: Path,
    settings: AlignSettings,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[Path]:
    """Aligns a photo, or all photos of a folder.

    STEM.png is written for a photo STEM.*, or STEM_0.png, STEM_1.png and so on with `every_face`, and `alignment.json`:
    for every photo its squares [left, top, side, roll], or why there is none.

    Args:
        source: a file, or a folder whose pictures are taken, not those below it.
        folder: for the pictures; not that of the photos.
        progress: called after each photo with how many are done, and how many there are.

    Returns:
        the written files.

    Raises:
        ValueError: there are no photos, two have the same name, the size is not positive, or, after all others were
            written, some could not be aligned.
        FileWriteError: the disk is full or the place is not writable.
    """
    if settings.size < 1:
        raise ValueError(f"size {settings.size} is not positive; give the side of the pictures in pixels, 512 for EG3D")
    photos = photos_of([source])
    if folder.resolve() == photos[0].parent.resolve():
        raise ValueError(f"{folder} is where the photos are; give another folder, so that none is overwritten")
    written: list[Path] = []
    records: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for done, photo in enumerate(photos, start=1):
        try:
            squares = _align(photo, folder, settings, written)
            records[photo.name] = {"squares": squares}
        except ValueError as error:
            problems[photo.name] = str(error)
            records[photo.name] = {"problem": str(error)}
        if progress is not None:
            progress(done, len(photos))
    written.append(folder / RECORD)
    with atomic_path(written[-1]) as temporary:
        temporary.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
    if problems:
        raise ValueError(_complaint(problems, len(photos), written[-1]))
    return written


def _align(photo: Path, folder: Path, settings: AlignSettings, written: list[Path]) -> list[list[float]]:
    """Writes the pictures of one photo and appends them to `written`; their squares."""
    image = read_image(photo)
    squares = []
    for number, framing in enumerate(_framings(photo, image, settings)):
        path = folder / (f"{photo.stem}_{number}.png" if settings.every_face else f"{photo.stem}.png")
        write_image(path, fit_to(cut_framing(image, framing), settings.size))
        written.append(path)
        square = framing.square
        squares.append([square.left, square.top, square.side, framing.roll_rad])
    return squares


def _framings(photo: Path, image: Tensor, settings: AlignSettings) -> list[Framing]:
    """The squares of a photo."""
    choice = settings.framing
    if choice.crop is not None or choice.by == "centre":
        return [choose_square(image, settings.frame, choice)]
    faces = find_faces(image)
    if not faces:
        raise ValueError(f"{photo}: no face is found; give --crop LEFT TOP SIDE, or --by centre if it is aligned")
    if not settings.every_face:
        if not 0 <= choice.face < len(faces):
            raise ValueError(f"{photo}: face {choice.face} is asked for, {len(faces)} are found; the largest is 0")
        faces = [faces[choice.face]]
    return [frame_face(image, face, settings.frame, choice.level) for face in faces]


def _complaint(problems: dict[str, str], count: int, record: Path) -> str:
    if count == 1:
        return next(iter(problems.values()))
    named = ", ".join(list(problems)[:_NAMED]) + (", ..." if len(problems) > _NAMED else "")
    return f"{len(problems)} of {count} photos are not aligned ({named}); why is in {record}"
