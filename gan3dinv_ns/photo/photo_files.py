"""Which files are meant where photos or folders of photos are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gan3dinv_ns.ops.image_files import HEIC_SUFFIXES


def photos_of(sources: Sequence[Path]) -> list[Path]:
    """The photos that files and folders stand for, ordered by name.

    Args:
        sources: a file stands for itself, whether or not it exists; a folder for the pictures in it, not below it.

    Raises:
        ValueError: a folder holds no pictures, or two photos have the same name but for the suffix.
    """
    photos = sorted({photo for source in sources for photo in _pictures_of(source)}, key=lambda path: path.name)
    by_stem: dict[str, Path] = {}
    for photo in photos:
        other = by_stem.setdefault(photo.stem, photo)
        if other != photo:
            raise ValueError(f"{other} and {photo} have the same name, which their results would share; rename one")
    return photos


def _pictures_of(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    # HEIC pictures count even where they cannot be read: passing over them would be worse than to say so.
    known = {*Image.registered_extensions(), *HEIC_SUFFIXES}
    photos = [path for path in source.iterdir() if path.suffix.lower() in known and path.is_file()]
    if not photos:
        raise ValueError(f"{source} holds no pictures; give a folder of PNG, JPEG or WebP files")
    return photos
