from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.editing.directions import Direction, Edit, apply_edits
from gan3dinv_ns.editing.sequences import swung


@pytest.fixture
def direction() -> Direction:
    return Direction("smile", torch.tensor([0.6, 0.8, 0.0]), 1, 2, unit=2.0)


def test_a_swing_goes_from_one_end_to_the_other_and_back(direction):
    ws = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(0))
    latents = swung(ws, direction, 3.0, 8)
    for index, strength in ((0, -3.0), (2, 0.0), (4, 3.0), (6, 0.0)):
        expected = apply_edits(ws, [Edit(direction, strength)])
        torch.testing.assert_close(latents[index, None], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(latents[1:4], latents[5:].flip(0), msg="the way back is the way there")


def test_a_swing_moves_the_layers_of_its_direction_only(direction):
    ws = torch.ones(1, 4, 3)
    latents = swung(ws, direction, 1.0, 5)
    assert torch.equal(latents[:, [0, 3]], torch.ones(5, 2, 3)) and not torch.equal(latents[0, 1:3], ws[0, 1:3])


def test_a_strength_without_end_is_told(direction):
    with pytest.raises(ValueError, match="strength nan is no finite number"):
        swung(torch.ones(1, 4, 3), direction, float("nan"), 5)
