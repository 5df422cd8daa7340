"""Claims about pictures that are rolled, scaled and moved."""

from __future__ import annotations

import math

import torch

from gan3dinv_ns.ops.picture_moves import move_pictures


def dot(x: float, y: float, side: int = 64) -> torch.Tensor:
    """A soft dot at (x, y), shares of the width from the centre, y down."""
    place = (torch.arange(side) + 0.5) / side - 0.5
    return torch.exp(-((place[None] - x).square() + (place[:, None] - y).square()) / (2 * 0.03**2))[None, None]


def centre(picture: torch.Tensor) -> tuple[float, float]:
    place = (torch.arange(picture.shape[-1]) + 0.5) / picture.shape[-1] - 0.5
    weight = picture[0, 0] / picture.sum()
    return float((weight.sum(0) * place).sum()), float((weight.sum(1) * place).sum())


def test_no_move_leaves_pictures_as_they_are() -> None:
    picture = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(move_pictures(picture, torch.zeros(2)), picture, atol=1e-5, rtol=0)


def test_what_was_at_p_is_at_s_r_p_plus_the_shift() -> None:
    roll, scale, shift = 0.4, 1.2, (0.1, -0.05)
    moved = move_pictures(dot(0.2, 0.0), torch.tensor([roll]), torch.tensor([scale]), torch.tensor([shift]))
    x, y = centre(moved)
    assert abs(x - (scale * 0.2 * math.cos(roll) + shift[0])) < 2e-3
    assert abs(y - (-scale * 0.2 * math.sin(roll) + shift[1])) < 2e-3, "anticlockwise, with y down"


def test_pictures_of_a_batch_move_by_themselves() -> None:
    pictures = torch.cat([dot(0.1, 0.1), dot(0.1, 0.1)])
    moved = move_pictures(pictures, torch.zeros(2), shift=torch.tensor([[0.0, 0.0], [0.1, 0.0]]))
    assert abs(centre(moved[:1])[0] - 0.1) < 1e-3 and abs(centre(moved[1:])[0] - 0.2) < 1e-3
