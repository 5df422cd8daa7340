"""Claims about whole experiments, on the shipped generator with few steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gan3dinv_ns.evaluation.comparison.report import write_report
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.experiments import given_networks, readings
from gan3dinv_ns.experiments.engine import Outcome
from gan3dinv_ns.experiments.experiment import Plan, experiment_of, run_experiment
from gan3dinv_ns.experiments.given_networks import GivenNetworks
from gan3dinv_ns.experiments.laboratory import Job
from gan3dinv_ns.experiments.local_engine import LocalEngine
from gan3dinv_ns.experiments.methods import find_methods

GENERATOR = "makehuman128-64"
FAST = ("psnr", "mse", "ms_ssim", "identity", "rotation_deg", "novel_psnr_0.4", "depth_mae_box", "seconds", "frechet")


def _plan(*names: str, **changes: Any) -> Plan:
    methods = tuple(find_methods(names, steps=(1, 2, 1)))
    return replace(Plan("heads", methods, GENERATOR, "cpu", 1, metrics=FAST), **changes)


class Stopping:
    """An engine that carries so many jobs and is then interrupted."""

    def __init__(self, jobs: int) -> None:
        self.jobs, self.asked = jobs, 0

    def run(self, make_worker: Callable[[], Any], tasks: Sequence[Job]) -> Iterator[Outcome]:
        self.asked = len(tasks)
        for number, outcome in enumerate(LocalEngine().run(make_worker, tasks)):
            if number == self.jobs:
                raise KeyboardInterrupt
            yield outcome

    def describe(self) -> str:
        return "stopping"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """One head by three methods, interrupted after the first and taken up again."""
    folder, rows = tmp_path_factory.mktemp("experiment"), []
    plan = _plan("sg2", "sg2-wplus-gd", "ours")
    with pytest.raises(KeyboardInterrupt):
        run_experiment(plan, folder, Stopping(1), lambda row, done, total: rows.append(row))
    second = Stopping(9)
    run_experiment(plan, folder, second, lambda row, done, total: rows.append(row))
    assert second.asked == 2, "what was there is not done again"
    return folder, rows


def test_an_interrupted_experiment_loses_and_repeats_nothing(finished) -> None:
    folder, rows = finished
    assert sorted(row.method for row in rows) == ["ours", "sg2", "sg2-wplus-gd"]
    assert len(list((folder / "rows").rglob("*.json"))) == len(list((folder / "pictures").rglob("*.png"))) == 3


def test_every_wanted_figure_that_can_be_had_is_there(finished) -> None:
    for row in finished[1]:
        given = {"rotation_deg"} if row.method == "sg2" else set()
        assert not row.error and set(row.figures) == set(FAST) - {"frechet"} - given
        assert row.kind == "in family" and len(row.features["photo"]) == len(row.features["result"]) == 320
        assert not row.edits, "not asked for"
        assert len(row.curves["step"]) == len(row.curves["psnr"]) >= 3
        assert ("rotation_deg" in row.curves) == (not given), "says nothing of a camera that is given"


def test_the_report_of_it_can_be_written(finished) -> None:
    written = write_report(run_experiment(_plan("sg2", "sg2-wplus-gd", "ours"), finished[0], Stopping(0)), "ours")
    assert {"report.md", "rows.csv", "summary.json"} <= {path.name for path in written}
    assert all(path.is_file() for path in written)


def test_photos_without_a_camera_fail_by_the_methods_that_need_it_and_no_others(tmp_path: Path) -> None:
    from gan3dinv_ns.experiments.photos import DrawnHead, Studio
    from gan3dinv_ns.ops.image_files import write_image

    studio = Studio(type("Size", (), {"img_resolution": 128})())  # type: ignore[arg-type]
    write_image(tmp_path / "photos" / "one.png", DrawnHead("heads", 900_000).take(studio).photos)
    (tmp_path / "photos" / "two.png").write_bytes(b"no picture")
    plan = _plan("sg2", "sg2-gd", dataset=str(tmp_path / "photos"), count=None, metrics=("psnr", "rotation_deg"))
    store = run_experiment(plan, tmp_path / "out", LocalEngine())
    errors = {(row.method, row.photo): row.error for name in ("sg2", "sg2-gd") for row in store.rows(name)}
    assert errors["sg2", "one"] == "SG2 needs the camera of one, which is not known"
    assert errors["sg2-gd", "one"] == "" and "two.png" in errors["sg2-gd", "two"]
    record = json.loads((tmp_path / "out" / "experiment.json").read_text())
    assert "dataset.json" in record["left_out"]["rotation_deg"]


def test_another_experiment_is_not_mixed_in(finished) -> None:
    with pytest.raises(ValueError, match="choose another --output-dir"):
        run_experiment(_plan("ours", roll=0.2), finished[0], Stopping(0))


def test_an_unknown_metric_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="metric 'beauty' is not known; take all, or some of lpips"):
        run_experiment(_plan("ours", metrics=("beauty",)), tmp_path, Stopping(0))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def colours(monkeypatch, tmp_path: Path) -> Path:
    """Weights of a network that takes the place of Inception: its features are the mean colour."""

    class Colours(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(3), requires_grad=False)

        def forward(self, pictures):
            return pictures.mean(dim=(2, 3)) * self.scale

    monkeypatch.setattr(readings, "load_inception", lambda path, device: Colours())
    monkeypatch.setitem(given_networks._LOADERS, "inception", lambda path: Colours())
    return tmp_path / "inception.pth"


def test_fid_of_a_given_network_is_in_rows_record_and_report(colours: Path, tmp_path: Path) -> None:
    given = GivenNetworks(inception=colours)
    plan = _plan("sg2", count=2, metrics=("mse", "fid"), networks=given)
    store = run_experiment(plan, tmp_path / "out", LocalEngine())
    assert {len(vector) for row in store.rows("sg2") for vector in row.inception.values()} == {6}
    assert len(store.experiment.generator["inception"]) == 16 and "fid" not in store.experiment.left_out
    write_report(store, "sg2")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["comparison"]["fid"]["photos"] == 2 and summary["comparison"]["frechet"] is None
    assert "FID ↓" in (tmp_path / "out" / "report.md").read_text()
    with pytest.raises(ValueError, match="choose another --output-dir"):
        run_experiment(replace(plan, networks=GivenNetworks()), tmp_path / "out", Stopping(0))


def test_fid_without_weights_is_left_out_and_says_which_are_wanted() -> None:
    plan = _plan("sg2", metrics=("mse", "fid"))
    told = experiment_of(plan, plan.sources()).left_out["fid"]
    assert "pt_inception-2015-12-05-6726825d.pth" in told and "--inception" in told
