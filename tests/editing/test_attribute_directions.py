"""Claims about directions that are found from labelled latents."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.editing.attribute_directions import attribute_directions


@pytest.fixture
def planted() -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    """Latents [N, 16] that vary more along some axes than along others, correlated values, and their weights."""
    random = torch.Generator().manual_seed(0)
    latents = torch.randn(4000, 16, generator=random) * torch.linspace(0.2, 3.0, 16) + 1
    weights = torch.randn(3, 16, generator=random)
    weights[1] += 0.8 * weights[0]
    values = dict(zip(("age", "smile", "held"), (latents @ weights.T).unbind(1), strict=True))
    return latents, values, weights


def test_only_the_attribute_changes_and_by_one_standard_deviation(planted) -> None:
    latents, values, weights = planted
    for direction in attribute_directions(latents, values, 5, ["age", "smile"]):
        assert (direction.first, direction.last) == (0, 4)
        change = weights @ direction.offset(5)[0]
        expected = torch.tensor([float(values[name].std()) * (name == direction.name) for name in values])
        torch.testing.assert_close(change, expected, atol=1e-3, rtol=1e-3)


def test_without_labels_that_go_along_the_planted_axis_is_recovered() -> None:
    random = torch.Generator().manual_seed(1)
    axis = torch.nn.functional.normalize(torch.randn(32, generator=random), dim=0)
    latents = torch.randn(20_000, 32, generator=random)
    noisy = latents @ axis + 0.5 * torch.randn(20_000, generator=random)
    (direction,) = attribute_directions(latents, {"age": noisy}, 3, ["age"])
    assert float(direction.vector @ axis) > 0.99


def test_the_step_is_the_likeliest_of_those_that_change_the_attribute(planted) -> None:
    latents, values, weights = planted
    (direction,) = attribute_directions(latents, values, 1, ["age"])
    step = direction.offset(1)[0].double()
    inverse = torch.linalg.inv(torch.cov(latents.T.double()))
    aside = torch.linalg.qr(weights.T.double(), mode="complete")[0][:, 3:]
    for other in aside.T:
        assert float((step + 0.1 * other) @ inverse @ (step + 0.1 * other)) > float(step @ inverse @ step)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda values: values | {"age": torch.ones(4000)}, "'age' does not vary"),
        (lambda values: values | {"again": 2 * values["age"]}, "cannot be told apart"),
        (lambda values: {"smile": values["smile"]}, "'age' has no values; known are smile"),
    ],
)
def test_labels_that_tell_nothing_are_refused(planted, change, reason: str) -> None:
    latents, values, _ = planted
    with pytest.raises(ValueError, match=reason):
        attribute_directions(latents, change(values), 2, ["age"])


def test_too_few_latents_are_refused(planted) -> None:
    latents, values, _ = planted
    with pytest.raises(ValueError, match="12 latents are too few"):
        attribute_directions(latents[:12], {name: one[:12] for name, one in values.items()}, 2, ["age"])
