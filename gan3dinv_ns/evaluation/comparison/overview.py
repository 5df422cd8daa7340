"""The means of a finished report in a few lines, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gan3dinv_ns.evaluation.comparison.experiment import Experiment
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder

Lines = list[list[str]]


def overview(folder: ExperimentFolder) -> Lines:
    """A heading and a line for each metric: the mean of each method, or mean, median and 90th percentile of one.

    Args:
        folder: whose ``summary.json`` has been written, see
            :func:`~gan3dinv_ns.evaluation.comparison.report.write_report`.
    """
    summary = json.loads((folder.folder / "summary.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for group in ("ablation", "comparison"):
        for metric, figures in summary.get(group, {"metrics": {}})["metrics"].items():
            found.setdefault(metric, {}).update(figures["methods"])
    methods = [name for name in folder.experiment.methods if any(name in one for one in found.values())]
    if len(methods) == 1:
        return _of_one(folder.experiment, found, methods[0])
    return _of_several(folder.experiment, found, methods)


def _of_one(experiment: Experiment, found: dict[str, dict[str, dict[str, float]]], method: str) -> Lines:
    lines = [["metric", "mean", "median", "90 %"]]
    for metric in experiment.metrics:
        figures = found.get(metric.name, {}).get(method)
        if figures:
            lines.append([metric.heading, *(metric.shown(figures[name]) for name in ("mean", "median", "p90"))])
    return lines


def _of_several(experiment: Experiment, found: dict[str, dict[str, dict[str, float]]], methods: Sequence[str]) -> Lines:
    lines = [["mean of", *(experiment.methods[name].title for name in methods)]]
    for metric in experiment.metrics:
        figures = found.get(metric.name, {})
        cells = [metric.shown(figures[name]["mean"]) if name in figures else "-" for name in methods]
        if figures:
            lines.append([metric.heading, *cells])
    return lines
