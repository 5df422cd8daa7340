"""Claims about which square of a photo is taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions, load_generator
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.photo import FramingSettings, Square, choose_square, cut_square, find_faces, mean_face


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load_generator("makehuman128-64")


@pytest.fixture(scope="module")
def reference(generator: Generator) -> Square:
    face = mean_face(generator)
    assert face is not None
    return face


@pytest.fixture(scope="module")
def portrait(generator: Generator) -> Tensor:
    """The mean head [1, 3, 128, 128]."""
    w = generator.backbone.mapping.w_avg.expand(1, generator.num_ws, -1)
    with torch.no_grad():
        label = camera_label(orbit(0.0, 0.0), intrinsics_matrix())
        return generator.synthesis(w, label, sampling="midpoint")["image"].clamp(-1, 1)


def placed(portrait: Tensor, *squares: Square, size: tuple[int, int] = (400, 600)) -> Tensor:
    """A photo [1, 3, H, W] with the portrait in some squares."""
    photo = torch.ones(1, 3, *size)
    for square in squares:
        left, top, side = int(square.left), int(square.top), int(square.side)
        photo[..., top : top + side, left : left + side] = F.interpolate(portrait, (side, side), mode="bilinear")
    return photo


def close(one: Square, other: Square, share: float = 0.06) -> bool:
    off = max(abs(one.left - other.left), abs(one.top - other.top), abs(one.side - other.side))
    return off < share * other.side


@pytest.mark.parametrize("square", [Square(60, 90, 160), Square(350, 20, 200), Square(200, 150, 120)])
def test_a_face_anywhere_is_framed_as_the_generator_frames_its_own(
    portrait: Tensor, reference: Square, square: Square
) -> None:
    framing = choose_square(placed(portrait, square), reference, FramingSettings())
    assert close(framing.square, square) and "around the face" in framing.reason


def test_photos_that_are_framed_already_are_left_alone(portrait: Tensor, reference: Square) -> None:
    template = load_template()
    photos = [photograph(template, "heads", seed, 128).photo for seed in range(900_100, 900_108)]
    for photo in (portrait, *photos):
        assert choose_square(photo, reference, FramingSettings()).square == Square(0, 0, 128)


def test_of_several_faces_the_largest_is_taken_or_the_one_asked_for(portrait: Tensor, reference: Square) -> None:
    small, large = Square(30, 40, 130), Square(300, 100, 220)
    photo = placed(portrait, small, large)
    assert len(find_faces(photo)) == 2
    first = choose_square(photo, reference, FramingSettings())
    assert close(first.square, large) and "the largest of 2" in first.reason
    assert close(choose_square(photo, reference, FramingSettings(face=1)).square, small)
    with pytest.raises(ValueError, match="face 2 is asked for, but 2 are found"):
        choose_square(photo, reference, FramingSettings(face=2))


def test_without_a_face_the_centre_is_taken_and_told(reference: Square) -> None:
    empty = torch.rand(1, 3, 100, 160)
    framing = choose_square(empty, reference, FramingSettings())
    assert framing.square == Square(30, 0, 100) and "no face is found" in framing.reason
    with pytest.raises(ValueError, match="face 1 is asked for, but 0 are found"):
        choose_square(empty, reference, FramingSettings(face=1))


def test_the_centre_and_a_crop_can_be_asked_for(portrait: Tensor, reference: Square) -> None:
    photo = placed(portrait, Square(60, 90, 160))
    assert choose_square(photo, reference, FramingSettings(by="centre")).square == Square(100, 0, 400)
    assert choose_square(photo, reference, FramingSettings(crop=(5, 6, 70))).square == Square(5, 6, 70)
    assert choose_square(photo, None, FramingSettings()).square == Square(100, 0, 400)
    with pytest.raises(ValueError, match="this generator draws no faces"):
        choose_square(photo, None, FramingSettings(face=1))


def test_a_generator_without_a_face_has_no_reference() -> None:
    torch.manual_seed(0)
    rendering = RenderingOptions(depth_resolution=4, depth_resolution_importance=4)
    config = GeneratorConfig(plane_resolution=32, channel_base=512, channel_max=8, rendering=rendering)
    assert mean_face(Generator(config).eval()) is None


def test_a_square_inside_is_cut_as_it_is() -> None:
    photo = torch.rand(1, 3, 20, 30)
    assert torch.equal(cut_square(photo, Square(4.2, 3.4, 10)), photo[..., 3:13, 4:14])


def test_beyond_the_borders_the_photo_is_mirrored_and_then_continued() -> None:
    row = torch.arange(5.0).expand(1, 3, 5, 5)
    cut = cut_square(row, Square(-2, 0, 5))
    assert cut[0, 0, 0].tolist() == [2, 1, 0, 1, 2]
    far = cut_square(row, Square(-7, -7, 19))
    assert far.shape == (1, 3, 19, 19) and far[0, 0, 0].tolist()[:4] == [4, 4, 4, 4]


@pytest.mark.parametrize("bad", [{"crop": (0, 0, 0)}, {"face": -1}])
def test_bad_choices_are_refused(bad: dict[str, Any], reference: Square) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        choose_square(torch.zeros(1, 3, 40, 40), reference, FramingSettings(**bad))
