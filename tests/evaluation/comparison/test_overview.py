"""Claims about the few lines that a terminal shows of a report."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gan3dinv_ns.evaluation.comparison.experiment import Experiment, Method
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.overview import overview
from gan3dinv_ns.evaluation.comparison.report import write_report
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder

METRICS = (Metric("psnr", "PSNR", "dB", "higher", 1), Metric("error", "error", "", "lower", 2))


def _folder(place: Path, *methods: str) -> ExperimentFolder:
    experiment = Experiment({}, {}, {name: Method(name.upper()) for name in methods}, METRICS)
    folder = ExperimentFolder.opened(place, experiment)
    for offset, method in enumerate(methods):
        for photo, value in (("1", 10.0), ("2", 20.0), ("3", 60.0)):
            figures = {"psnr": value + offset} | ({"error": 0.5} if offset == 0 else {})
            folder.add(Row(method, photo, "", figures), Image.new("RGB", (128, 144)))
    write_report(folder, methods[0])
    return folder


def test_of_one_method_mean_median_and_percentile_are_shown(tmp_path: Path) -> None:
    heading, psnr, error = overview(_folder(tmp_path, "a"))
    assert heading == ["metric", "mean", "median", "90 %"]
    assert psnr[1:] == ["30.0", "20.0", "52.0"] and error[1:] == ["0.50", "0.50", "0.50"]


@pytest.mark.parametrize("methods", [("a", "b"), ("a", "b", "c")])
def test_of_several_methods_the_means_are_shown_side_by_side(tmp_path: Path, methods: tuple[str, ...]) -> None:
    heading, psnr, error = overview(_folder(tmp_path, *methods))
    assert heading == ["mean of", *(name.upper() for name in methods)]
    assert psnr[1:] == [f"{30 + offset:.1f}" for offset in range(len(methods))]
    assert error[1:] == ["0.50"] + ["-"] * (len(methods) - 1), "not every method has every metric"
