"""Claims about the row of one method and photo."""

from __future__ import annotations

import json
import math

import pytest

from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.half_vectors import packed


def test_a_row_comes_back_from_json_exactly(make_row) -> None:
    row = make_row("ours", 3, rich=True)
    again = Row.from_json(json.loads(json.dumps(row.to_json(), allow_nan=False)))
    assert again == row
    assert again.edits[0].change == row.edits[0].change and list(again.curves["step"])[:2] == [0, 20]


def test_inceptions_vectors_come_back_exactly_and_rows_from_before_have_none() -> None:
    row = Row("ours", "a", "", {}, inception={"photo": packed([0.25, 3.0]), "result": packed([1.0, 65504.0])})
    content = json.loads(json.dumps(row.to_json()))
    assert Row.from_json(content) == row and len(content["inception"]["photo"]) == 8
    del content["inception"]
    assert Row.from_json(content) == Row("ours", "a", "", {})


def test_an_error_of_several_lines_becomes_one_line() -> None:
    row = Row("ours", "a", "", {}, error="out of\n  memory\n")
    assert row.failed and row.error == "out of memory"
    assert not Row("ours", "a", "", {}).failed


@pytest.mark.parametrize(
    ("changed", "told"),
    (
        ({"figures": {"psnr": math.inf}}, "psnr is inf"),
        ({"curves": {"step": [1], "psnr": [math.nan]}}, "psnr is nan"),
        ({"features": {"photo": [1.0], "result": [-math.inf]}}, "result is -inf"),
        ({"curves": {"step": [1, 2], "psnr": [3]}}, "curve 'psnr' has 1 values for 2 steps"),
        ({"curves": {"psnr": [3]}}, "curve 'psnr' has 1 values for 0 steps"),
        ({"features": {"photo": [1.0]}}, "give photo and result"),
        ({"inception": {"photo": packed([1.0])}}, "give photo and result"),
        ({"inception": {"photo": packed([1.0]), "result": packed([1e9])}}, "Inception's result is inf"),
    ),
)
def test_numbers_that_do_not_fit_are_refused_with_photo_and_method(changed, told) -> None:
    with pytest.raises(ValueError, match="photo 'a' with method 'ours'") as refused:
        Row(**{"method": "ours", "photo": "a", "kind": "", "figures": {}, **changed})
    assert told in str(refused.value) and "\n" not in str(refused.value)
