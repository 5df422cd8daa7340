"""Linear attributes are read from latents, noise is not, and the regressor learns what a picture shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan3dinv_ns.evaluation.attribute_regressor import train_attribute_regressor
from gan3dinv_ns.evaluation.labelled import LabelledPictures, to_bytes
from gan3dinv_ns.evaluation.readability import judge, linear_readability, r2_score, ridge_predict


def latents(count: int = 200, size: int = 512, rank: int = 30) -> torch.Tensor:
    """Latents in a subspace, as a mapping network gives them; more coordinates than there are latents."""
    random = torch.Generator().manual_seed(0)
    return torch.randn(count, rank, generator=random) @ torch.randn(rank, size, generator=random)


def test_linear_attributes_are_read():
    w = latents()
    direction = torch.randn(512, generator=torch.Generator().manual_seed(1))
    values = w @ direction / 40
    readings = linear_readability(w, {"continuous": 3 + values, "class": values > 0.5})
    assert [reading.measure for reading in readings] == ["R2", "accuracy"]
    assert readings[0].value > 0.99 and readings[1].value > 0.9
    assert readings[1].chance == pytest.approx(max(float((values > 0.5).float().mean()), 0.5), abs=0.15)


def test_noise_is_not_read():
    noise = torch.randn(200, generator=torch.Generator().manual_seed(2))
    readings = linear_readability(latents(), {"continuous": noise, "class": noise > 0})
    assert readings[0].value == pytest.approx(0, abs=0.15)
    assert readings[1].value == pytest.approx(0.5, abs=0.15)


def test_a_part_that_is_noise_lowers_r2_to_the_share_of_the_rest():
    w = latents(600)
    random = torch.Generator().manual_seed(3)
    signal = w @ torch.randn(512, generator=random)
    values = signal / signal.std() + torch.randn(600, generator=random)
    assert linear_readability(w, {"half": values})[0].value == pytest.approx(0.5, abs=0.1)


def test_ridge_regression_solves_its_normal_equations():
    random = np.random.default_rng(0)
    rows, targets = random.standard_normal((40, 6)), random.standard_normal((40, 1))
    predicted = ridge_predict(rows, targets, rows)
    centre, mean = rows.mean(0), targets.mean(0)
    scaled = (rows - centre) / (rows - centre).std()
    candidates = [
        mean + scaled @ np.linalg.solve(scaled.T @ scaled + 40 * a * np.eye(6), scaled.T @ (targets - mean))
        for a in np.logspace(-4, 3, 22)
    ]
    assert min(np.abs(predicted - one).max() for one in candidates) < 1e-9


def test_the_mean_has_r2_zero_and_the_truth_one():
    values = np.array([1.0, 2.0, 4.0])
    assert r2_score(values, np.full(3, values.mean())) == 0 and r2_score(values, values) == 1
    assert r2_score(np.ones(3), np.ones(3)) == 0


def test_predictions_are_judged_by_their_kind():
    labels = {"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([True, False])}
    readings = judge(labels, {"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([True, True])})
    assert [(one.name, one.value) for one in readings] == [("a", 1.0), ("b", 0.5)]


def test_too_few_latents_are_refused():
    with pytest.raises(ValueError, match="9 latents are too few"):
        linear_readability(torch.zeros(9, 4), {"a": torch.zeros(9)})


def labelled(count: int, seed: int) -> LabelledPictures:
    """Pictures whose brightness is the continuous label; the class is a red rather than a blue one."""
    random = torch.Generator().manual_seed(seed)
    bright, red = torch.rand(count, generator=random), torch.rand(count, generator=random) > 0.5
    colour = torch.stack([bright * red, bright, bright * ~red], dim=1)[:, :, None, None]
    noise = 0.1 * torch.randn(count, 3, 16, 16, generator=random)
    return LabelledPictures(to_bytes(2 * (colour + noise) - 1), {"bright": bright, "red": red})


def test_the_regressor_reads_unseen_pictures():
    network = train_attribute_regressor(labelled(200, 0), pictures_seen=3200)
    unseen = labelled(100, 1)
    bright, red = judge(unseen.labels, network.read(unseen.pictures))
    assert bright.value > 0.9 and red.value > 0.9


def test_training_of_the_regressor_is_reproducible():
    data = labelled(20, 0)
    first, second = (train_attribute_regressor(data, pictures_seen=128).read(data.pictures) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_labels_for_other_pictures_are_refused():
    with pytest.raises(ValueError, match="3 labels 'a' for 2 pictures"):
        LabelledPictures(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), {"a": torch.zeros(3)})
    with pytest.raises(ValueError, match="1 pictures with 2 labels"):
        train_attribute_regressor(labelled(1, 0))
