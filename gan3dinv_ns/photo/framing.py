"""Which square of a photo is inverted: the one that frames the face as the generator frames its own.

Generators draw heads of one size in one place. The face of the mean head, seen from the front, tells which, so no
generator needs constants of its own. Those of EG3D's own data sets are known, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.ops.picture_moves import move_pictures
from gan3dinv_ns.photo.face_fit import FaceFit, fit_face
from gan3dinv_ns.photo.faces import Face, Square, find_faces
from gan3dinv_ns.photo.mean_head import mean_head

# In pictures that a generator frames, heads that are turned are up to 1.2 times as large and 0.22 of the width off.
_SAME_SIZE = 1.3
_SAME_PLACE = 0.25
_SMALL_FACE = 64


@dataclass(frozen=True)
class FaceFrame:
    """How a generator frames its faces.

    Attributes:
        centre: x and y of a face's place (see :class:`~gan3dinv_ns.photo.face_fit.FaceFit`), as shares of the width.
        size: of the face, as a share of the width.
    """

    centre: tuple[float, float]
    size: float

    def square_around(self, fit: FaceFit) -> Square:
        """The square of a photo that has the face in this place and size, pixels."""
        side = fit.size / self.size
        return Square(fit.centre[0] - self.centre[0] * side, fit.centre[1] - self.centre[1] * side, side)


FFHQ_FRAME = FaceFrame((0.5, 0.5), 300 / 700)
"""How EG3D frames photos: scaled until a unit of the mean face has 300 pixels, and the middle 700 are kept."""


@dataclass(frozen=True)
class FramingSettings:
    """Which square of the photo is taken."""

    by: Literal["face", "ffhq", "centre"] = "face"
    """"face" frames the face as the generator frames its own, unless the photo is framed so already; "ffhq" as EG3D's
    preparation of photos does; "centre" takes the centre square, for photos that are aligned."""
    face: int = 0
    """Which face, the largest is 0."""
    level: bool = False
    """Turn the photo until the eyes are level, as in the released FFHQ pictures; only where a face is framed."""
    crop: tuple[float, float, float] | None = None
    """Left, top and side in pixels of the square to take instead; it may reach beyond the photo."""


@dataclass(frozen=True)
class Framing:
    """A square of a photo, and why.

    Attributes:
        square: in pixels.
        reason: a sentence for the user.
        roll_rad: the square is turned so far around its centre, clockwise.
    """

    square: Square
    reason: str
    roll_rad: float = 0.0


def mean_frame(generator: Generator, focal: float = FOCAL) -> FaceFrame | None:
    """How a generator frames the face of its mean head from the front; None if there is none to be seen."""
    image = mean_head(generator, focal)["image"]
    faces = find_faces(image)
    if not faces:
        return None
    fit, side = fit_face(faces[0]), image.shape[-1]
    return FaceFrame((fit.centre[0] / side, fit.centre[1] / side), fit.size / side)


def choose_square(image: Tensor, frame: FaceFrame | None, settings: FramingSettings) -> Framing:
    """The square of a photo ``[1, 3, H, W]`` that is inverted.

    Args:
        frame: the generator's :func:`mean_frame`; None takes the centre square, but for "ffhq".

    Raises:
        ValueError: the crop has no size, there are fewer faces than the one that is asked for, or the generator draws
            none.
    """
    if settings.face < 0:
        raise ValueError(f"face {settings.face} is negative; the largest is 0")
    if settings.crop is not None:
        if not settings.crop[2] >= 1:
            raise ValueError(f"crop {settings.crop} has no size; give LEFT TOP SIDE in pixels")
        return Framing(Square(*settings.crop), "the square that is given")
    centre = _centre(image)
    if settings.by == "ffhq":
        frame = FFHQ_FRAME
    if settings.face > 0 and frame is None:
        raise ValueError(f"face {settings.face} is asked for, but this generator draws no faces; give a crop")
    if settings.by == "centre" or frame is None:
        return Framing(centre, "the centre square")
    faces = find_faces(image)
    if settings.face >= max(len(faces), 1):
        raise ValueError(f"face {settings.face} is asked for, but {len(faces)} are found; the largest is 0")
    if not faces:
        return Framing(centre, "the centre square, as no face is found; another one is chosen by a crop")
    framing = frame_face(image, faces[settings.face], frame, settings.level)
    if settings.by == "face" and not settings.level and _nearly_the_same(framing.square, centre):
        return Framing(centre, "the centre square, which frames the face well")
    if len(faces) > 1 and settings.face == 0:
        return Framing(framing.square, f"{framing.reason} (the largest of {len(faces)})", framing.roll_rad)
    return framing


def frame_face(image: Tensor, face: Face, frame: FaceFrame, level: bool) -> Framing:
    """The square of a photo ``[1, 3, H, W]`` that frames one of its faces."""
    fit = fit_face(face)
    square = frame.square_around(fit)
    reason = "the square around the face"
    if face.width < _SMALL_FACE:
        reason += f", which is only {face.width:.0f} pixels wide"
    height, width = image.shape[-2:]
    if min(square.left, square.top, width - square.left - square.side, height - square.top - square.side) < -0.5:
        reason += "; beyond its borders the photo is mirrored"
    return Framing(square, reason, fit.roll_rad if level else 0.0)


def cut_framing(image: Tensor, framing: Framing) -> Tensor:
    """The square of a photo ``[1, 3, H, W]`` that a framing says, turned upright if it is rolled."""
    square = framing.square
    if framing.roll_rad == 0:
        return cut_square(image, square)
    x, y = square.centre
    side = math.ceil(square.side * math.sqrt(2)) + 2
    around = move_pictures(
        cut_square(image, Square(x - side / 2, y - side / 2, side)), torch.tensor([framing.roll_rad]).to(image)
    )
    margin = (side - square.side) / 2
    return cut_square(around, Square(margin, margin, square.side))


def cut_square(image: Tensor, square: Square) -> Tensor:
    """A square of a photo ``[1, 3, H, W]``, to whole pixels; beyond the borders the photo is mirrored, and where that
    does not reach, its border is continued."""
    left, top, side = round(square.left), round(square.top), max(1, round(square.side))
    height, width = image.shape[-2:]
    pads = [max(0, -left), max(0, left + side - width), max(0, -top), max(0, top + side - height)]
    mirrored = [min(pad, length - 1) for pad, length in zip(pads, (width, width, height, height), strict=True)]
    image = F.pad(image, mirrored, mode="reflect")
    image = F.pad(image, [pad - done for pad, done in zip(pads, mirrored, strict=True)], mode="replicate")
    left, top = left + pads[0], top + pads[2]
    return image[..., top : top + side, left : left + side]


def _centre(image: Tensor) -> Square:
    """An odd remainder is cut at the right or bottom edge."""
    height, width = image.shape[-2:]
    side = min(height, width)
    return Square((width - side) // 2, (height - side) // 2, side)


def _nearly_the_same(one: Square, other: Square) -> bool:
    ratio = one.side / other.side
    offset = max(abs(a - b) for a, b in zip(one.centre, other.centre, strict=True))
    return 1 / _SAME_SIZE < ratio < _SAME_SIZE and offset < _SAME_PLACE * other.side
