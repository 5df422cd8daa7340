"""The folder of an experiment: every finished photo is kept at once, so a stopped run goes on where it was.

``experiment.json`` says what is compared, ``rows/METHOD/PHOTO.json`` holds what was measured,
``pictures/METHOD/PHOTO.png`` a strip of pictures. A picture is written before its row, and each file is renamed to its
name when it is complete: whatever is found under its name can be read, and a row has its picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from PIL import Image

from gan3dinv_ns.evaluation.comparison.experiment import Experiment
from gan3dinv_ns.evaluation.comparison.pictures import failure_strip
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.ops.atomic_files import atomic_path

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^\.')
_LONGEST = 200
"""Bytes of a file's name; file systems allow 255, the temporary file beside it has a longer one."""


class ExperimentFolder:
    """Rows and pictures of an experiment, in a folder. Several processes may add to the same one.

    Args:
        folder: where ``experiment.json`` is.
        experiment: what it says; see :meth:`opened` and :meth:`loaded`.
    """

    def __init__(self, folder: Path, experiment: Experiment) -> None:
        self.folder, self.experiment = folder, experiment

    @classmethod
    def opened(cls, folder: Path, experiment: Experiment) -> ExperimentFolder:
        """Makes a folder, or goes on with one; methods that it does not have yet are added to it.

        Raises:
            ValueError: the folder belongs to another experiment, or cannot be read.
            FileWriteError: the disk is full or the place is not writable.
        """
        path = folder / "experiment.json"
        if path.is_file():
            there = cls.loaded(folder).experiment
            difference = there.difference(experiment)
            if difference is not None:
                raise ValueError(f"{folder} holds photos with {difference}; choose another --output-dir")
            experiment = there.merged(experiment)
        elif (folder / "rows").exists():
            raise ValueError(f"{folder} holds rows without an experiment.json beside them; choose another --output-dir")
        _write_json(path, experiment.to_json(), indent=2)
        return cls(folder, experiment)

    @classmethod
    def loaded(cls, folder: Path) -> ExperimentFolder:
        """A folder that is there already.

        Raises:
            ValueError: there is none, or it cannot be read.
        """
        path = folder / "experiment.json"
        if not path.is_file():
            raise ValueError(f"{path} does not exist; give the folder of an experiment")
        try:
            experiment = Experiment.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{path} is damaged; choose another --output-dir") from None
        return cls(folder, experiment)

    def done(self, method: str) -> set[str]:
        """Names of the photos that this method has a row of, failed ones too."""
        return {photo for photo in self._names(method) if self.picture_path(method, photo).is_file()}

    def missing(self, method: str, photos: Sequence[str]) -> list[str]:
        """Those of ``photos`` that are still to be done, in their order.

        Raises:
            ValueError: two photos have the same name, or one has a name that is too long.
        """
        seen: set[str] = set()
        for photo in photos:
            if photo in seen:
                raise ValueError(f"two photos are named {photo!r}; rename one of them")
            # Refuses a name that is too long before anything is computed.
            _file_name(photo)
            seen.add(photo)
        done = self.done(method)
        return [photo for photo in photos if photo not in done]

    def add(self, row: Row, strip: Image.Image | None = None) -> None:
        """Keeps a row and its picture.

        Args:
            row: of a photo that is not there yet.
            strip: see :func:`~gan3dinv_ns.evaluation.comparison.pictures.method_strip`; a failed row may have none.

        Raises:
            ValueError: the row is there already, or its method or one of its figures is not of this experiment.
            FileWriteError: the disk is full or the place is not writable.
        """
        if row.method not in self.experiment.methods:
            raise ValueError(f"{row.where}: the experiment has only {', '.join(self.experiment.methods)}")
        unknown = row.figures.keys() - {metric.name for metric in self.experiment.metrics}
        if unknown:
            raise ValueError(f"{row.where}: {', '.join(sorted(unknown))} is not among the experiment's metrics")
        if strip is None and not row.failed:
            raise ValueError(f"{row.where}: a row without error needs a picture")
        path, picture = self.row_path(row.method, row.photo), self.picture_path(row.method, row.photo)
        if path.is_file() and picture.is_file():
            raise ValueError(f"{row.where} is there already; remove {path} to do it again")
        with atomic_path(picture) as temporary:
            (failure_strip(row.error) if strip is None else strip).save(temporary)
        _write_json(path, row.to_json())

    def rows(self, method: str) -> Iterator[Row]:
        """All rows of a method, failed ones too, read one after the other; 2 follows 1, and 10 follows 9.

        Raises:
            ValueError: a file is damaged.
        """
        for photo in sorted(self.done(method), key=natural_order):
            yield self._read(method, photo)

    def forget_failed(self) -> list[Row]:
        """Removes the rows that have failed, so that their photos are done again; the removed rows.

        Raises:
            ValueError: a row is damaged.
        """
        failed = [row for method in self.experiment.methods for row in self.rows(method) if row.failed]
        for row in failed:
            self.row_path(row.method, row.photo).unlink(missing_ok=True)
        return failed

    def row_path(self, method: str, photo: str) -> Path:
        """Where the row of a photo is.

        Raises:
            ValueError: the photo's name is too long.
        """
        return self.folder / "rows" / method / f"{_file_name(photo)}.json"

    def picture_path(self, method: str, photo: str) -> Path:
        """Where the strip of pictures of a photo is.

        Raises:
            ValueError: the photo's name is too long.
        """
        return self.folder / "pictures" / method / f"{_file_name(photo)}.png"

    def _names(self, method: str) -> list[str]:
        # What begins with a dot was being written when its process ended.
        files = (self.folder / "rows" / method).glob("[!.]*.json")
        return [unquote(path.name.removesuffix(".json")) for path in files]

    def _read(self, method: str, photo: str) -> Row:
        path = self.row_path(method, photo)
        try:
            row = Row.from_json(json.loads(path.read_text(encoding="utf-8")))
            if (row.method, row.photo) != (method, photo):
                raise ValueError("the row of another photo")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{path} is damaged; remove it, and its photo is done again") from None
        return row


def natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Key that sorts numbers inside of names by their values."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts], name


def _file_name(photo: str) -> str:
    name = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), photo)
    if not photo or len(name.encode()) > _LONGEST:
        raise ValueError(f"a photo is named {photo!r}; names need 1 to {_LONGEST} bytes")
    return name


def _write_json(path: Path, content: dict[str, Any], indent: int | None = None) -> None:
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
