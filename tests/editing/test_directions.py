"""Claims about directions and their application."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.editing.directions import Direction, Edit, apply_edits


@pytest.fixture
def ws() -> torch.Tensor:
    return torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(0))


def test_strength_zero_is_the_identity(ws: torch.Tensor) -> None:
    direction = Direction.along("d", torch.ones(8), 0, 5)
    assert torch.equal(apply_edits(ws, [Edit(direction, 0.0)]), ws)
    assert torch.equal(apply_edits(ws, []), ws)


def test_layers_outside_of_the_range_stay(ws: torch.Tensor) -> None:
    edited = apply_edits(ws, [Edit(Direction.along("d", torch.ones(8), 2, 3), 1.5)])
    assert torch.equal(edited[:, :2], ws[:, :2]) and torch.equal(edited[:, 4:], ws[:, 4:])
    torch.testing.assert_close(edited[:, 2:4], ws[:, 2:4] + 1.5)


def test_the_step_of_strength_one_is_the_one_that_was_given() -> None:
    step = torch.arange(1.0, 9.0)
    direction = Direction.along("d", step, 0, 0, strength=2.0)
    assert float(direction.vector.norm()) == pytest.approx(1)
    torch.testing.assert_close(direction.offset(1)[0], 2 * step)


def test_each_layer_may_have_a_step_of_its_own(ws: torch.Tensor) -> None:
    steps = torch.randn(6, 8)
    edited = apply_edits(ws, [Edit(Direction.along("d", steps, 1, 4), -1.0)])
    torch.testing.assert_close(edited[0, 1:5], ws[0, 1:5] - steps[1:5])
    assert torch.equal(edited[:, 0], ws[:, 0]) and torch.equal(edited[:, 5], ws[:, 5])


def test_edits_add_up_in_any_order(ws: torch.Tensor) -> None:
    first = Edit(Direction.along("a", torch.randn(8), 0, 5), 1.0)
    second = Edit(Direction.along("b", torch.randn(8), 2, 3), -2.0)
    torch.testing.assert_close(apply_edits(ws, [first, second]), apply_edits(ws, [second, first]))


@pytest.mark.parametrize(
    ("direction", "reason"),
    [
        (lambda: Direction.along("d", torch.zeros(8), 0, 1), "d: leads nowhere"),
        (lambda: Direction.along("d", torch.full((8,), torch.nan), 0, 1), "d: leads nowhere"),
        (lambda: Direction.along("d", torch.ones(8), 3, 2), "layers 3-2 are no range"),
        (lambda: Direction.along("d", torch.ones(8), 0, 6), "0-6 do not fit a generator of 6 layers; .* within 0-5"),
        (lambda: Direction.along("d", torch.ones(4, 8), 0, 3), "is for 4 layers, the generator has 6"),
        (lambda: Direction.along("d", torch.ones(7), 0, 5), "has 7 numbers, the latent has 8"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(ws: torch.Tensor, direction, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        apply_edits(ws, [Edit(direction(), 1.0)])
    assert "\n" not in str(error.value)


def test_a_strength_is_a_finite_number() -> None:
    with pytest.raises(ValueError, match="strength nan"):
        Edit(Direction.along("d", torch.ones(8), 0, 1), float("nan"))
