"""Claims about heads that are cut out of their photos."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.photo.background import before_white


@pytest.fixture(scope="module")
def large(portrait: Tensor) -> Tensor:
    """The mean head before white, [1, 3, 256, 256]."""
    return F.interpolate(portrait, (256, 256), mode="bicubic").clamp(-1, 1)


@pytest.mark.parametrize("colour", [(-0.6, -0.2, 0.4), (-0.9, -0.9, -0.9), (0.1, 0.5, 0.1)])
def test_another_background_becomes_white_and_the_head_stays(large: Tensor, colour: tuple[float, float, float]) -> None:
    white = (large.amin(dim=1, keepdim=True) > 0.97).float()
    torch.manual_seed(0)
    behind = torch.tensor(colour).reshape(1, 3, 1, 1) + 0.05 * torch.randn_like(large)
    photo = large * (1 - white) + behind * white
    cut = before_white(photo)
    outside = F.max_pool2d(1 - white, 9, 1, 4) == 0
    inside = F.max_pool2d(white, 9, 1, 4) == 0
    inside[..., 200:, :] = False
    outside[..., 200:, :] = False
    assert float((cut - 1).abs().amax(dim=1, keepdim=True)[outside].gt(0.1).float().mean()) < 0.02
    assert float((cut - photo).abs().amax(dim=1, keepdim=True)[inside].gt(0.1).float().mean()) < 0.03
    assert torch.equal(before_white(photo), cut), "always the same"


def test_photos_before_white_or_without_a_face_stay_as_they_are(large: Tensor) -> None:
    assert torch.equal(before_white(large), large)
    template = load_template()
    for seed in (900_000, 900_003, 900_005, 900_007):
        drawn = photograph(template, "heads", seed, 128).photo
        assert torch.equal(before_white(drawn), drawn), seed
    empty = torch.zeros(1, 3, 64, 64)
    assert torch.equal(before_white(empty), empty)
