"""Claims about which square of a photo is taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.ops.picture_moves import move_pictures
from gan3dinv_ns.photo import (
    FFHQ_FRAME,
    FaceFrame,
    Framing,
    FramingSettings,
    Square,
    choose_square,
    cut_framing,
    cut_square,
    find_faces,
    mean_frame,
)
from gan3dinv_ns.photo.face_fit import fit_face


def close(one: Square, other: Square, share: float = 0.05) -> bool:
    off = max(abs(one.left - other.left), abs(one.top - other.top), abs(one.side - other.side))
    return off < share * other.side


@pytest.mark.parametrize("square", [Square(60, 90, 160), Square(350, 20, 200), Square(200, 150, 120)])
def test_a_face_anywhere_is_framed_as_the_generator_frames_its_own(
    placed: Callable[..., Tensor], frame: FaceFrame, square: Square
) -> None:
    framing = choose_square(placed(square), frame, FramingSettings())
    assert close(framing.square, square) and "around the face" in framing.reason


def test_photos_that_are_framed_already_are_left_alone(portrait: Tensor, frame: FaceFrame) -> None:
    template = load_template()
    photos = [photograph(template, "heads", seed, 128).photo for seed in range(900_100, 900_108)]
    for photo in (portrait, *photos):
        assert choose_square(photo, frame, FramingSettings()).square == Square(0, 0, 128)


def test_eg3ds_own_framing_puts_the_face_in_the_middle_at_its_size(placed: Callable[..., Tensor]) -> None:
    photo = placed(Square(100, 60, 300))
    square = choose_square(photo, None, FramingSettings(by="ffhq")).square
    fit = fit_face(find_faces(photo)[0])
    assert square.centre == pytest.approx(fit.centre) and fit.size / square.side == pytest.approx(300 / 700)
    again = fit_face(find_faces(cut_square(photo, square))[0])
    assert again.centre == pytest.approx((square.side / 2, square.side / 2), abs=0.03 * square.side)
    assert again.size / square.side == pytest.approx(FFHQ_FRAME.size, rel=0.03)


def test_of_several_faces_the_largest_is_taken_or_the_one_asked_for(
    placed: Callable[..., Tensor], frame: FaceFrame
) -> None:
    small, large = Square(30, 40, 130), Square(300, 100, 220)
    photo = placed(small, large)
    assert len(find_faces(photo)) == 2
    first = choose_square(photo, frame, FramingSettings())
    assert close(first.square, large) and "the largest of 2" in first.reason
    assert close(choose_square(photo, frame, FramingSettings(face=1)).square, small)
    with pytest.raises(ValueError, match="face 2 is asked for, but 2 are found"):
        choose_square(photo, frame, FramingSettings(face=2))


def test_of_forty_faces_one_is_taken(placed: Callable[..., Tensor], frame: FaceFrame) -> None:
    squares = [Square(10 + 122 * (n % 8), 8 + 122 * (n // 8), 112) for n in range(40)]
    framing = choose_square(placed(*squares, size=(620, 990)), frame, FramingSettings())
    assert "the largest of 40" in framing.reason
    assert any(close(framing.square, square, 0.12) for square in squares)


def test_small_faces_and_faces_at_the_border_are_told(placed: Callable[..., Tensor], frame: FaceFrame) -> None:
    small = choose_square(placed(Square(200, 200, 48), size=(420, 420)), frame, FramingSettings())
    assert "pixels wide" in small.reason
    cut = placed(Square(100, 0, 300))[..., 30:, :]
    assert "mirrored" in choose_square(cut, frame, FramingSettings(by="ffhq")).reason


def test_without_a_face_the_centre_is_taken_and_told(frame: FaceFrame) -> None:
    empty = torch.rand(1, 3, 100, 160)
    framing = choose_square(empty, frame, FramingSettings())
    assert framing.square == Square(30, 0, 100) and "no face is found" in framing.reason
    with pytest.raises(ValueError, match="face 1 is asked for, but 0 are found"):
        choose_square(empty, frame, FramingSettings(face=1))


def test_the_centre_and_a_crop_can_be_asked_for(placed: Callable[..., Tensor], frame: FaceFrame) -> None:
    photo = placed(Square(60, 90, 160))
    assert choose_square(photo, frame, FramingSettings(by="centre")).square == Square(100, 0, 400)
    assert choose_square(photo, frame, FramingSettings(crop=(5, 6, 70))).square == Square(5, 6, 70)
    assert choose_square(photo, None, FramingSettings()).square == Square(100, 0, 400)
    with pytest.raises(ValueError, match="this generator draws no faces"):
        choose_square(photo, None, FramingSettings(face=1))


@pytest.mark.parametrize("roll_rad", [-0.3, 0.2])
def test_levelling_makes_a_rolled_face_upright(portrait: Tensor, roll_rad: float) -> None:
    large = F.interpolate(portrait, (300, 300), mode="bilinear")
    photo = F.pad(move_pictures(large, torch.tensor([-roll_rad])), (40, 40, 40, 40), value=1.0)
    framing = choose_square(photo, None, FramingSettings(by="ffhq", level=True))
    assert framing.roll_rad == pytest.approx(roll_rad, abs=0.05), "positive is clockwise"
    assert abs(fit_face(find_faces(cut_framing(photo, framing))[0]).roll_rad) < 0.05
    assert choose_square(photo, None, FramingSettings(by="ffhq")).roll_rad == 0


def test_a_turned_square_is_turned_around_its_own_centre() -> None:
    photo = torch.zeros(1, 3, 200, 200)
    photo[..., 80:90, 100:110] = 1.0
    cut = cut_framing(photo, Framing(Square(50, 30, 110), "", roll_rad=math.pi / 2))
    assert cut.shape == (1, 3, 110, 110)
    centre = (cut[0, 0] > 0.5).nonzero().float().mean(dim=0)
    # The spot's centre, (105, 85), is right of the square's, (105, 85): it stays where it is.
    assert torch.allclose(centre, torch.tensor([54.5, 54.5]), atol=1.0)


def test_a_generator_without_a_face_has_no_frame(faceless_generator: Generator) -> None:
    assert mean_frame(faceless_generator) is None


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
def test_bad_choices_are_refused(bad: dict[str, Any], frame: FaceFrame) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        choose_square(torch.zeros(1, 3, 40, 40), frame, FramingSettings(**bad))
