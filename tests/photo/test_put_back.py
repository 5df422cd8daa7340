"""Claims about pictures that are put back into the photo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.ops.image_files import read_image, write_image
from gan3dinv_ns.photo import Framing, Square, cut_framing, put_back
from gan3dinv_ns.photo.put_back import write_framing


@pytest.fixture
def photo() -> Tensor:
    torch.manual_seed(0)
    return F.interpolate(torch.rand(1, 3, 6, 8) * 2 - 1, (120, 160), mode="bicubic").clamp(-1, 1)


@pytest.mark.parametrize("square", [Square(30, 20, 64), Square(-20, 70, 80), Square(100, -30, 90)])
@pytest.mark.parametrize("roll_rad", [0.0, 0.3])
def test_what_was_cut_and_is_put_back_is_the_photo(photo: Tensor, square: Square, roll_rad: float) -> None:
    framing = Framing(square, "", roll_rad)
    again = put_back(photo, cut_framing(photo, framing), framing)
    assert again.shape == photo.shape
    assert float((again - photo).abs().max()) < (1e-5 if roll_rad == 0 else 0.12)


def test_the_picture_fills_the_middle_and_the_rest_stays(photo: Tensor) -> None:
    done = put_back(photo, torch.full((1, 3, 16, 16), 0.5), Framing(Square(40, 30, 50), ""))
    assert torch.allclose(done[..., 40:70, 50:80], torch.tensor(0.5))
    outside = torch.ones(120, 160, dtype=torch.bool)
    outside[30:80, 40:90] = False
    assert torch.equal(done[..., outside], photo[..., outside])
    seam = (done - photo)[..., 30, 40:90].abs() / (0.5 - photo)[..., 30, 40:90].abs().clamp_min(1e-3)
    assert float(seam.max()) < 0.05, "at the edge the photo is seen"


def test_only_the_head_is_put_back_where_it_is_known(photo: Tensor) -> None:
    opacity = torch.zeros(1, 1, 8, 8)
    opacity[..., :4] = 1.0
    done = put_back(photo, torch.full((1, 3, 16, 16), 0.5), Framing(Square(40, 30, 50), ""), opacity)
    assert torch.allclose(done[..., 40:70, 48:58], torch.tensor(0.5))
    assert torch.equal(done[..., 75:], photo[..., 75:])


def test_the_framing_is_written_and_the_whole_photo_only_where_it_is_more(photo: Tensor, tmp_path: Path) -> None:
    write_image(tmp_path / "photo.png", photo)
    write_image(tmp_path / "square.png", photo[..., :120])
    picture = torch.zeros(1, 3, 16, 16)
    write_framing(tmp_path / "more", tmp_path / "photo.png", picture, Framing(Square(20, 0, 120), "", 0.1))
    assert json.loads((tmp_path / "more" / "framing.json").read_text())["roll_rad"] == 0.1
    assert read_image(tmp_path / "more" / "whole_photo.png").shape == photo.shape
    write_framing(tmp_path / "all", tmp_path / "square.png", picture, Framing(Square(0, 0, 120), ""))
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["framing.json"]
