"""Where photos come from, and what is known of them beside their pixels.

Sources are plain data that can be sent to another process; the process that inverts a photo takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.evaluation.photo_figures import TrueHead
from gan3dinv_ns.heads.heldout import HeldoutSet, photograph
from gan3dinv_ns.heads.template import HeadTemplate, load_template
from gan3dinv_ns.photo import FaceFrame, FramingSettings, mean_frame, photos_of, prepare_photo
from gan3dinv_ns.photo.label import DATASET_FILE, check_label, labels_in


@dataclass(frozen=True)
class KnownPhoto:
    """A photo to be inverted.

    Attributes:
        photos: ``[K, 3, R, R]`` in [-1, 1]: the photo, and further ones of the same head.
        kind: such as "in family"; "" if nothing is known.
        label: ``[1, 25]`` camera of the first photo, None if it is not known.
        truth: the head, None if it is not known.
    """

    photos: Tensor
    kind: str
    label: Tensor | None
    truth: TrueHead | None


class Studio:
    """What photos are taken with in one process.

    Args:
        generator: whose pictures' size and framing the photos get.
        makehuman: MakeHuman's data for drawn heads; None takes what ships.
    """

    def __init__(self, generator: Generator, makehuman: Path | None = None) -> None:
        self._generator, self._makehuman = generator, makehuman

    @property
    def resolution(self) -> int:
        """Side of a photo, pixels."""
        return self._generator.img_resolution

    @property
    def white(self) -> bool:
        """Whether heads are put before white."""
        return self._generator.rendering.white_back

    @cached_property
    def template(self) -> HeadTemplate:
        """Of drawn heads."""
        return load_template(self._makehuman)

    @cached_property
    def frame(self) -> FaceFrame | None:
        """Where the generator has its faces."""
        return mean_frame(self._generator)


class PhotoSource(Protocol):
    """A photo that can be taken."""

    @property
    def name(self) -> str:
        """Its own among all photos of an experiment."""

    def take(self, studio: Studio) -> KnownPhoto:
        """The photo.

        Raises:
            ValueError: it cannot be had.
        """


@dataclass(frozen=True)
class DrawnHead:
    """A synthetic head, of which everything is known.

    Attributes:
        dataset: see :func:`~gan3dinv_ns.heads.heldout.photograph`.
        seed: its name too.
        roll: largest roll of the camera, radians.
        count: of photos.
    """

    dataset: HeldoutSet
    seed: int
    roll: float = 0.0
    count: int = 1

    @property
    def name(self) -> str:
        """The seed."""
        return str(self.seed)

    def take(self, studio: Studio) -> KnownPhoto:
        """Draws the head and its photos."""
        head = photograph(studio.template, self.dataset, self.seed, studio.resolution, self.roll)
        return KnownPhoto(head.photos(self.count), head.kind, head.label, head)


@dataclass(frozen=True)
class PhotoFile:
    """A picture, with its camera if a ``dataset.json`` of EG3D tells it.

    Photos of such a data set are taken as they are, since labels belong to a crop; others are framed as the generator
    frames its faces.

    Attributes:
        path: its file, which every process must be able to read.
        name: the file's without its suffix, with the folders between it and the dataset.json.
        aligned: whether it belongs to a data set with labels.
        label: what the data set says of the camera, unchecked; None if nothing.
    """

    path: Path
    name: str
    aligned: bool = False
    label: object = None

    def take(self, studio: Studio) -> KnownPhoto:
        """Reads and frames the picture; see :meth:`PhotoSource.take`."""
        framing = FramingSettings(by="centre" if self.aligned else "face")
        frame = None if self.aligned else studio.frame
        photo, _ = prepare_photo(self.path, studio.resolution, frame, framing, studio.white)
        label = None
        if self.label is not None:
            label = torch.tensor(check_label(self.label, f"the label of {self.path.name}"))[None]
        return KnownPhoto(photo, "", label, None)


def find_photos(place: Path) -> list[PhotoFile]:
    """The photos of a folder, or those that a ``dataset.json`` names.

    Raises:
        ValueError: there is no such place, it holds no pictures, or two have the same name but for the suffix.
    """
    if place.name == DATASET_FILE:
        named = labels_in(place)
        found = [
            PhotoFile(place.parent / name, str(Path(name).with_suffix("")), True, one) for name, one in named.items()
        ]
        if not found:
            raise ValueError(f"{place} names no photos; give the folder of the photos if they have no labels")
        return found
    if not place.is_dir():
        raise ValueError(f"{place} is no folder of photos; give one, its {DATASET_FILE}, heads or heads-out-of-family")
    beside = place / DATASET_FILE
    labels = labels_in(beside) if beside.is_file() else None
    return [
        PhotoFile(path, path.stem, labels is not None, None if labels is None else labels.get(path.name))
        for path in photos_of([place])
    ]
