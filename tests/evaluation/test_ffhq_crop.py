"""Claims about the crop of aligned FFHQ pictures."""

from __future__ import annotations

import math

import pytest
import torch

from gan3dinv_ns.evaluation.ffhq_crop import ffhq_crop
from gan3dinv_ns.photo import Face


def _coordinates(height: int, width: int) -> torch.Tensor:
    """A picture that shows its own coordinates, as shares of 1000 pixels."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y, torch.zeros_like(x)])[None] / 1000


def _face(turn: float, scale: float) -> Face:
    """Eyes 40 apart, and a mouth 30 below them: half of the crop's side is 2 * 40."""
    points = torch.tensor([[-20.0, 0.0], [20.0, 0.0], [0.0, 15.0], [-14.0, 30.0], [14.0, 30.0]]) * scale
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    placed = points @ rotation.T + torch.tensor([300.0, 250.0])
    return Face((0, 0, 1, 1), tuple((float(x), float(y)) for x, y in placed))


@pytest.mark.parametrize(("turn", "scale"), [(0.0, 1.0), (0.5, 1.7)])
def test_the_square_is_upright_and_as_published(turn: float, scale: float) -> None:
    crop = 1000 * ffhq_crop(_coordinates(480, 620), _face(turn, scale), 64)[0, :2]
    corners = torch.stack([crop[:, 0, 0], crop[:, 0, -1], crop[:, -1, 0], crop[:, -1, -1]])
    # Centres of the corners' pixels; the crop's centre is 0.1 * 30 below the eyes.
    half = 80 * scale * 63 / 64
    square = torch.tensor([[-half, -half], [half, -half], [-half, half], [half, half]]) + torch.tensor([0, 3.0 * scale])
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    torch.testing.assert_close(corners, square @ rotation.T + torch.tensor([300.0, 250.0]), rtol=0, atol=0.1)


def test_a_long_face_is_measured_by_its_mouth_and_all_pictures_are_cut_alike() -> None:
    face = Face((0, 0, 1, 1), ((290, 200), (310, 200), (300, 230), (295, 260), (305, 260)))
    pictures = _coordinates(480, 620).expand(2, -1, -1, -1)
    crops = 1000 * ffhq_crop(pictures, face, 32)
    assert float(crops[0, 0, 0, -1] - crops[0, 0, 0, 0]) == pytest.approx(2 * 1.8 * 60 * 31 / 32, abs=0.1)
    assert torch.equal(crops[0], crops[1])


def test_beyond_its_borders_a_picture_is_mirrored() -> None:
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    face = Face((0, 0, 1, 1), ((20, 32), (44, 32), (32, 42), (24, 50), (40, 50)))
    wide = torch.cat([picture.flip(-1), picture, picture.flip(-1)], dim=-1)
    around = torch.cat([wide.flip(-2), wide, wide.flip(-2)], dim=-2)
    moved = Face((0, 0, 1, 1), tuple((x + 64, y + 64) for x, y in face.points))
    torch.testing.assert_close(ffhq_crop(picture, face, 96), ffhq_crop(around, moved, 96), rtol=0, atol=1e-4)
