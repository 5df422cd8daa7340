"""Claims about the pages of strips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.pictures import CAPTION_HEIGHT, SHEET_SIDE, method_strip
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection
from gan3dinv_ns.evaluation.comparison.sheet import Block, Line, sheet, worst_first


@pytest.fixture
def line(tmp_path: Path):
    """From a level in [-1, 1] and captions to a line whose strip is all of that level."""

    def make(level: float, *captions: str) -> Line:
        path = tmp_path / f"{level}{captions}.png"
        method_strip({caption: torch.full((1, 3, 8, 8), level) for caption in captions}).save(path)
        return Line("ours", "PSNR 3", path)

    return make


def test_the_worst_photos_of_the_reference_come_first_and_unmeasured_ones_last() -> None:
    values = {"1": 3.0, "2": 1.0, "3": None, "4": 2.0}
    rows = {photo: Row("ours", photo, "", {} if value is None else {"m": value}) for photo, value in values.items()}
    others = {photo: Row("pti", photo, "", {"m": 0.0}) for photo in values}
    selection = Selection.of({"ours": rows, "pti": others})
    assert worst_first(selection, Metric("m", "M", "", "lower", 1), "ours") == ["1", "4", "2", "3"]
    assert worst_first(selection, Metric("m", "M", "", "higher", 1), "ours") == ["2", "4", "1", "3"]


def test_captions_that_stay_the_same_are_shown_once(line) -> None:
    same = sheet([Block("1", (line(0.0, "photo", "result"), line(-1.0, "photo", "result")))])
    other = sheet([Block("1", (line(0.0, "photo", "result"), line(-1.0, "photo", "depth")))])
    assert other.height - same.height == CAPTION_HEIGHT
    dark = (np.asarray(same)[..., 0] == 0).sum(axis=1) >= 2 * SHEET_SIDE
    assert dark.sum() == SHEET_SIDE, "every picture of the second strip is there, at the side of the sheet"


def test_more_than_four_blocks_stand_in_two_columns(line) -> None:
    block = Block("1", (line(0.0, "photo"),))
    four, five = sheet([block] * 4), sheet([block] * 5)
    assert five.width > 1.9 * four.width and five.height < four.height


def test_a_damaged_picture_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a\.png is damaged; remove it, and its photo is done again"):
        sheet([Block("1", (Line("ours", "", tmp_path / "a.png"),))])
