"""The camera label that lies beside a photo, in EG3D's ``dataset.json``."""

from __future__ import annotations

import json
import math
from pathlib import Path

from gan3dinv_ns.cameras.conventions import LABEL_SIZE

DATASET_FILE = "dataset.json"
"""The name of EG3D's file of labels, beside the photos."""


def find_label(photo: Path) -> tuple[float, ...]:
    """The 25 numbers of a photo: 16 of its camera-to-world matrix, 9 of its intrinsics.

    Args:
        photo: beside it lies a dataset.json, see :func:`labels_in`.

    Raises:
        ValueError: the file is missing or damaged, or has no such label.
    """
    path = photo.parent / DATASET_FILE
    labels = labels_in(path)
    if photo.name not in labels:
        raise ValueError(f"{path}: has no label of {photo.name}")
    return check_label(labels[photo.name], f"{path}: the label of {photo.name}")


def labels_in(path: Path) -> dict[str, object]:
    """What a dataset.json says of each photo, unchecked; see :func:`check_label`.

    Args:
        path: {"labels": [["NAME", [25 numbers]], ...]}, NAME relative to the folder; a mapping instead of the list will
            do too.

    Raises:
        ValueError: the file is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["labels"])
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; a photo's label is read from there, or begin without one") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f'{path}: not a dataset.json of EG3D, {{"labels": [["NAME", [25 numbers]], ...]}}') from error


def check_labels(numbers: tuple[float, ...], count: int) -> None:
    """The labels of so many photos, one after the other.

    Raises:
        ValueError: they are not 25 numbers each, or no labels.
    """
    if len(numbers) != LABEL_SIZE * count:
        raise ValueError(f"the labels that are given must have {LABEL_SIZE} numbers for each photo, not {len(numbers)}")
    for photo in range(count):
        check_label(one_label(numbers, photo), "the label that is given")


def one_label(numbers: tuple[float, ...], photo: int) -> tuple[float, ...]:
    """The label of one photo, from those of several that follow each other; empty where there is none."""
    return numbers[LABEL_SIZE * photo : LABEL_SIZE * (photo + 1)]


def check_label(values: object, what: str) -> tuple[float, ...]:
    """25 finite numbers, whose first 16 are a rigid motion.

    Raises:
        ValueError: they are not; `what` begins the message.
    """
    if not isinstance(values, (list, tuple)) or len(values) != LABEL_SIZE:
        raise ValueError(f"{what} must have {LABEL_SIZE} numbers")
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
        raise ValueError(f"{what} has something that is no number")
    numbers = tuple(float(value) for value in values)
    rows = [numbers[4 * row : 4 * row + 3] for row in range(3)]
    products = [sum(a * b for a, b in zip(one, other, strict=True)) for one in rows for other in rows]
    if any(abs(product - (place % 4 == 0)) > 1e-2 for place, product in enumerate(products)):
        raise ValueError(f"{what} must begin with a camera-to-world matrix, whose rotation has orthonormal rows")
    return numbers
