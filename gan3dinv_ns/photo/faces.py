"""Where the faces of a picture are, by the cascade of boosted features that comes with OpenCV.

Source: Viola and Jones, "Rapid object detection using a boosted cascade of simple features" (CVPR 2001). It finds
upright faces that look roughly at the camera, and needs no download.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import cv2.data
import numpy as np
import torch.nn.functional as F
from torch import Tensor

_CASCADE = "haarcascade_frontalface_alt2.xml"
_SIDES = (256, 1024)
_SMALLEST_SHARE = 1 / 16
_SCALE_STEP, _NEIGHBOURS = 1.05, 5


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


def find_faces(image: Tensor) -> list[Square]:
    """The faces in a picture, the largest first.

    Args:
        image: [1, 3, H, W] in [-1, 1].

    Returns:
        squares from the brows to the chin, in pixels.
    """
    grey, scale = _grey_of_fitting_size(image)
    smallest = max(24, round(min(grey.shape) * _SMALLEST_SHARE))
    detector = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / _CASCADE))
    found = detector.detectMultiScale(grey, _SCALE_STEP, _NEIGHBOURS, minSize=(smallest, smallest))
    squares = [Square(*(float(value) / scale for value in (left, top, width))) for left, top, width, _ in found]
    return sorted(squares, key=lambda face: -face.side)


def _grey_of_fitting_size(image: Tensor) -> tuple[np.ndarray, float]:
    """Grey picture [h, w] uint8 whose longer side is neither tiny nor huge, and the factor between both sizes."""
    longer = max(image.shape[-2:])
    scale = min(max(longer, _SIDES[0]), _SIDES[1]) / longer
    if scale != 1:
        size = [max(1, round(side * scale)) for side in image.shape[-2:]]
        image = F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
    pixels = ((image[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), scale
