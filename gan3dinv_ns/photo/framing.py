"""Which square of a photo is inverted: the one that frames the face as the generator frames its own.

Generators draw heads of one size in one place. The face of the mean head, seen from the front, tells which, so no
generator needs constants of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.photo.faces import Square, find_faces

# In pictures that a generator frames, heads that are turned have smaller faces, away from the middle.
_SAME_SIZE = 1.6
_SAME_PLACE = 0.3


@dataclass(frozen=True)
class FramingSettings:
    """Which square of the photo is taken."""

    by: Literal["face", "centre"] = "face"
    """"face" frames the face as the generator frames its own, unless the photo is framed so already; "centre" takes the
    centre square, for photos that are aligned."""
    face: int = 0
    """Which face, the largest is 0."""
    crop: tuple[float, float, float] | None = None
    """Left, top and side in pixels of the square to take instead; it may reach beyond the photo."""


@dataclass(frozen=True)
class Framing:
    """A square of a photo, and why.

    Attributes:
        square: in pixels.
        reason: a sentence for the user.
    """

    square: Square
    reason: str


@torch.no_grad()
def mean_face(generator: Generator, focal: float = FOCAL) -> Square | None:
    """The face of the mean head from the front, as shares of the picture's width; None if there is none to be seen."""
    w = generator.backbone.mapping.w_avg.expand(1, generator.num_ws, -1)
    label = camera_label(orbit(0.0, 0.0, generator.rendering.avg_camera_radius), intrinsics_matrix(focal)).to(w)
    image = generator.synthesis(w, label, sampling="midpoint")["image"].float().clamp(-1, 1).cpu()
    faces = find_faces(image)
    side = image.shape[-1]
    return Square(faces[0].left / side, faces[0].top / side, faces[0].side / side) if faces else None


def choose_square(image: Tensor, reference: Square | None, settings: FramingSettings) -> Framing:
    """The square of a photo ``[1, 3, H, W]`` that is inverted.

    Args:
        reference: the generator's :func:`mean_face`; None takes the centre square.

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
    if settings.face > 0 and reference is None:
        raise ValueError(f"face {settings.face} is asked for, but this generator draws no faces; give a crop")
    if settings.by == "centre" or reference is None:
        return Framing(centre, "the centre square")
    faces = find_faces(image)
    if settings.face >= max(len(faces), 1):
        raise ValueError(f"face {settings.face} is asked for, but {len(faces)} are found; the largest is 0")
    if not faces:
        return Framing(centre, "the centre square, as no face is found; another one is chosen by a crop")
    face = faces[settings.face]
    side = face.side / reference.side
    framed = Square(face.left - reference.left * side, face.top - reference.top * side, side)
    if _nearly_the_same(framed, centre):
        return Framing(centre, "the centre square, which frames the face well")
    more = f" (the largest of {len(faces)})" if len(faces) > 1 and settings.face == 0 else ""
    return Framing(framed, f"the square around the face{more}")


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
