"""Claims about the strip of pictures, and the letters on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.evaluation.comparison.lettering import broken, font, shortened
from gan3dinv_ns.evaluation.comparison.pictures import (
    CAPTION_HEIGHT,
    SIDE,
    depth_picture,
    depth_span,
    failure_strip,
    method_strip,
)


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def test_pictures_stand_side_by_side_below_their_captions() -> None:
    strip = method_strip({"photo": torch.ones(1, 3, 5, 5), "result": -torch.ones(1, 3, 200, 200)})
    assert strip.size == (2 * SIDE, CAPTION_HEIGHT + SIDE)
    pixels = _pixels(strip)
    assert (pixels[CAPTION_HEIGHT:, :SIDE] == 255).all() and (pixels[CAPTION_HEIGHT:, SIDE:] == 0).all()
    captions = pixels[:CAPTION_HEIGHT]
    assert captions[:, :SIDE].min() < 100 and captions[:, SIDE:].min() < 100


def test_near_is_light_far_is_dark_and_nothing_is_white() -> None:
    depth = torch.linspace(2.0, 3.0, 16).reshape(1, 1, 4, 4)
    solid = torch.ones_like(depth, dtype=torch.bool)
    solid[..., 0, 0] = False
    picture = depth_picture(depth, solid, depth_span(depth, solid))
    assert picture.shape == (1, 3, 4, 4) and bool((picture[:, :, 0, 0] == 1).all())
    levels = picture[0, 0].flatten()[1:]
    assert bool((levels.diff() <= 0).all()) and levels[0] == pytest.approx(0.8) and levels[-1] == pytest.approx(-0.9)


def test_stray_depths_do_not_set_the_span_and_nothing_solid_has_one_too() -> None:
    depth = torch.full((1, 1, 20, 20), 2.5)
    depth[..., 0, 0] = 90.0
    depth[..., 1:4, :] = 3.0
    assert depth_span(depth, torch.ones_like(depth, dtype=torch.bool)) == (2.5, 3.0)
    assert depth_span(depth, torch.zeros_like(depth, dtype=torch.bool)) == (0.0, 1.0)


def test_an_error_however_long_fits_its_strip() -> None:
    strip = failure_strip("word " * 200 + "x" * 500)
    frame = _pixels(strip)[CAPTION_HEIGHT:]
    assert (frame[3:-3, 3:8] == 255).all() and (frame[3:-3, -8:-3] == 255).all(), "nothing runs over the margin"
    assert (frame[3:-3, 12:-12] < 128).any()


def test_the_letters_have_the_signs_of_methods() -> None:
    letters = font(20)
    missing = bytes(letters.getmask("\U0010ffff"))
    assert all(bytes(letters.getmask(sign)) != missing for sign in "†✓✗−γ…")


def test_text_is_cut_to_its_width_and_broken_between_words() -> None:
    letters = font(12)
    assert shortened("short", letters, 200) == "short"
    cut = shortened("a very long text that does not fit", letters, 80)
    assert cut.endswith("…") and letters.getlength(cut) <= 80
    lines = broken("one two three four five six seven", letters, 60, 3)
    assert len(lines) == 3 and all(letters.getlength(line) <= 60 for line in lines) and lines[-1].endswith("…")
    assert broken("one", letters, 60, 3) == ["one"] and broken("", letters, 60, 3) == []
