"""Claims about the table of edits, on heads that are a few numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.evaluation.edit_table import (
    STRENGTHS,
    EditRow,
    edit_markdown,
    is_monotone,
    likeness_of_strangers,
    mean_rows,
    measure_edit,
)


def _views(strength: float) -> dict[str, Tensor]:
    """Two views whose left half is a head, red as the strength says, and whose right half is empty."""
    image = torch.zeros(2, 3, 16, 16)
    image[:, 0, :, :8] = 0.2 * strength
    image[:, :, :, 12:] = 0.1 * abs(strength)
    weights = torch.zeros(2, 1, 8, 8)
    weights[..., :4] = 1
    return {"image": image, "image_weights": weights}


def _read(pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    red = pictures[:, 0, :, :8].mean(dim=(1, 2))
    person = torch.stack([torch.ones_like(red), red], dim=1)
    return {"age": red, "smile": torch.zeros_like(red)}, person


@pytest.fixture
def rows() -> list[EditRow]:
    return measure_edit("age", _views, _read, {"age": 0.1, "smile": 1.0})


def test_changes_are_in_standard_deviations(rows: list[EditRow]) -> None:
    assert [row.strength for row in rows] == list(STRENGTHS)
    for row in rows:
        assert row.change["age"] == pytest.approx(2 * row.strength, abs=1e-5)
        assert row.change["smile"] == 0 and row.others == 0
    assert is_monotone(rows)


def test_nothing_changes_at_strength_zero(rows: list[EditRow]) -> None:
    still = rows[STRENGTHS.index(0.0)]
    assert still.identity == pytest.approx(1) and still.background == 0 and still.change["age"] == 0
    assert rows[-1].identity < 1


def test_the_background_is_measured_where_nothing_is(rows: list[EditRow]) -> None:
    # 0.1 * 3 in four of the six columns that are at least a raw pixel away from the head.
    assert rows[-1].background == pytest.approx(127.5 * 0.3 * 4 / 6, rel=0.2)
    full = measure_edit("age", lambda s: _views(s) | {"image_weights": torch.ones(2, 1, 8, 8)}, _read, {"age": 1.0})
    assert full[0].background is None


def test_what_falls_is_not_monotone(rows: list[EditRow]) -> None:
    assert not is_monotone([*rows[:-1], replace(rows[-1], change={"age": 0.0, "smile": 0.0})])


def test_means_of_heads_are_taken_row_by_row(rows: list[EditRow]) -> None:
    other = [replace(row, identity=0.0, background=None) for row in rows]
    merged = mean_rows([rows, other])
    assert merged[-1].identity == pytest.approx(rows[-1].identity / 2)
    assert merged[-1].background == rows[-1].background and merged[-1].change == rows[-1].change


def test_the_page_has_a_line_for_each_strength(rows: list[EditRow]) -> None:
    falling = [*rows[:-1], replace(rows[-1], change={"age": 4.0, "smile": 0.0})]
    page = edit_markdown([[rows, rows, falling]])
    assert "## age (rises with every step in 2 of 3 heads and in the mean)" in page and "| +2 | +4.00 | +0.00 |" in page
    assert page.count("\n| ") == 9


def test_strangers_are_as_alike_as_their_vectors() -> None:
    assert likeness_of_strangers(torch.eye(3)) == pytest.approx(0)
    assert likeness_of_strangers(torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0]])) == pytest.approx(-1 / 3)
