"""Where pictures land on a contact sheet."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.evaluation.contact_sheet import contact_sheet


def plain(red: float, green: float, blue: float) -> torch.Tensor:
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, 8, 8)


def test_pictures_lie_in_rows_below_the_captions():
    rows = [[plain(1, -1, -1), plain(-1, 1, -1)], [plain(-1, -1, 1), plain(1, 1, 1)]]
    sheet = contact_sheet(("one", "two"), rows, side=32)
    assert sheet.size == (64, 84)
    assert sheet.getpixel((16, 36)) == (255, 0, 0)
    assert sheet.getpixel((48, 36)) == (0, 255, 0)
    assert sheet.getpixel((16, 68)) == (0, 0, 255)


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="row 0 has 1 pictures for 2 captions"):
        contact_sheet(("one", "two"), [[plain(0, 0, 0)]])
