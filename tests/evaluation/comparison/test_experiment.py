"""Claims about when rows belong to the same experiment."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.evaluation.comparison.experiment import Experiment, Method, told_settings, weights_digest
from gan3dinv_ns.evaluation.comparison.metric import Metric


def test_an_experiment_comes_back_from_json(make_experiment) -> None:
    experiment = make_experiment(left_out={"FID": "no weights"})
    again = Experiment.from_json(json.loads(json.dumps(experiment.to_json())))
    assert again == experiment and experiment.difference(again) is None


def test_lists_and_tuples_are_the_same_settings(make_experiment) -> None:
    first = make_experiment({"ours": Method("ours", {"samples": (1, 2)})})
    assert first.difference(make_experiment({"ours": Method("ours", {"samples": [1, 2]})})) is None


def test_what_is_only_shown_makes_no_difference(make_experiment) -> None:
    first = make_experiment()
    titled = {name: replace(method, title="T", marks={"warp": True}) for name, method in first.methods.items()}
    metrics = tuple(replace(metric, title="M", digits=1) for metric in reversed(first.metrics))
    assert first.difference(make_experiment(titled, metrics=metrics, left_out={"FID": "too slow"})) is None


def test_methods_of_one_side_only_make_no_difference_and_are_kept(make_experiment) -> None:
    first = make_experiment({"a": Method("A", {"steps": 1})})
    second = make_experiment({"b": Method("B"), "a": Method("new A", {"steps": 1})})
    assert first.difference(second) is None
    merged = first.merged(second)
    assert list(merged.methods) == ["a", "b"] and merged.methods["a"].title == "new A"


@pytest.mark.parametrize(
    ("changed", "told"),
    (
        ({"dataset": {"name": "heads", "seed": 8}}, "dataset.seed 7, not 8"),
        ({"generator": {"name": "tiny"}}, "generator.weights '0123', not nothing"),
        ({"methods": {"sg2": Method("SG2", {"steps": 500})}}, "methods.sg2.steps 400, not 500"),
        ({"methods": {"ours": Method("o", {"warp": {"from": 0.3}})}}, "methods.ours.warp.from 0.2, not 0.3"),
        ({"methods": {"ours": Method("o")}}, "methods.ours"),
        (
            {"metrics": (Metric("mse", "MSE", "", "lower", 4),)},
            "metrics ['lpips', 'psnr', 'rotation_deg'], not ['mse']",
        ),
        ({"features": "others"}, "features 'random-convolutions-v1', not 'others'"),
    ),
)
def test_what_rows_depend_on_makes_a_difference(make_experiment, changed, told) -> None:
    assert told in make_experiment().difference(make_experiment(**changed))


@pytest.mark.parametrize("name", ("", "../a", "a/b", ".a", "a b", "SG2†", "a" * 65))
def test_a_method_that_cannot_be_a_folder_is_refused(make_experiment, name: str) -> None:
    with pytest.raises(ValueError, match="is no plain name"):
        make_experiment({name: Method("A")})


def test_nothing_to_compare_and_twice_the_same_metric_are_refused(make_experiment) -> None:
    metric = Metric("mse", "MSE", "", "lower", 4)
    with pytest.raises(ValueError, match="metric 'mse' is given twice"):
        make_experiment(metrics=(metric, metric))
    with pytest.raises(ValueError, match="without methods"):
        replace(make_experiment(), methods={})


def test_settings_are_told_under_dotted_names() -> None:
    assert told_settings({"a": {"b": {"c": 1}, "d": [2, 3]}, "e": {}}) == {"a.b.c": 1, "a.d": [2, 3], "e": {}}


def test_the_digest_changes_with_the_weights_only() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    before = weights_digest(layer)
    assert weights_digest(layer.requires_grad_(False)) == before and len(before) == 16
    layer.weight[0, 0] += 1e-3
    assert weights_digest(layer) != before
