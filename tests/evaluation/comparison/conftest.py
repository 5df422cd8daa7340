"""Made-up rows: numbers around a mean for each method, and pictures of plain colours."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.evaluation.comparison.experiment import Experiment, Method
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.pictures import method_strip
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
from gan3dinv_ns.evaluation.edit_table import EditRow

LPIPS = Metric("lpips", "LPIPS", "", "lower", 4)
PSNR = Metric("psnr", "PSNR", "dB", "higher", 2)
ROTATION = Metric("rotation_deg", "rotation", "degrees", "lower", 2)
STRENGTHS = (-2.0, 0.0, 2.0)


def experiment_of(methods: Mapping[str, Method] | None = None, **changed) -> Experiment:
    usual = {
        "dataset": {"name": "heads", "seed": 7},
        "generator": {"name": "tiny", "weights": "0123"},
        "methods": methods or {"sg2": Method("SG2†", {"steps": 400}), "ours": Method("ours", {"warp": {"from": 0.2}})},
        "metrics": (LPIPS, PSNR, ROTATION),
        "features": "random-convolutions-v1",
    }
    return Experiment(**{**usual, **changed})


def made_up_row(method: str, photo: int, shift: float = 0.0, kind: str = "in family", rich: bool = False) -> Row:
    """Figures that depend on the photo, with noise of the method; ``shift`` makes them better or worse."""
    random = np.random.default_rng([photo, *method.encode()])
    hard, noise = np.random.default_rng(photo).normal(), random.normal(size=3)
    figures = {
        "lpips": 0.1 + 0.01 * hard - 0.01 * shift + 0.002 * noise[0],
        "psnr": 25 + 2 * hard + 2 * shift + 0.3 * noise[1],
        "rotation_deg": abs(4 + hard - shift + noise[2]),
    }
    if not rich:
        return Row(method, str(photo), kind, figures)
    steps = np.arange(0, 401, 20)
    curves = {
        "step": steps, "psnr": figures["psnr"] - 12 * np.exp(-steps / 90),
        "rotation_deg": figures["rotation_deg"] + 9 * np.exp(-steps / 60),
    }  # fmt: skip
    edits = tuple(
        EditRow(edited, strength, {edited: strength * 0.9 + 0.1 * noise[0] * strength}, 1 - 0.08 * abs(strength), None)
        for edited in ("age", "smile")
        for strength in STRENGTHS
    )
    features = {"photo": np.random.default_rng(photo).normal(size=4), "result": random.normal(size=4)}
    return Row(method, str(photo), kind, figures, curves, edits, features)


@pytest.fixture(scope="session")
def make_experiment() -> Callable[..., Experiment]:
    """From methods, and anything else that is unlike usual, to an experiment with LPIPS, PSNR and rotation."""
    return experiment_of


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Row]:
    """From method, number of the photo, shift and kind to a row."""
    return made_up_row


@pytest.fixture(scope="session")
def strip() -> Image.Image:
    """Four pictures."""
    return method_strip({name: torch.full((1, 3, 8, 8), i / 4) for i, name in enumerate(("photo", "a", "b", "c"))})


def fill_folder(path: Path, rows: list[Row], experiment: Experiment, strip: Image.Image) -> ExperimentFolder:
    """An experiment's folder that holds these rows."""
    folder = ExperimentFolder.opened(path, experiment)
    for row in rows:
        folder.add(row, None if row.failed else strip)
    return folder


@pytest.fixture
def filled(tmp_path: Path, strip: Image.Image) -> Callable[..., ExperimentFolder]:
    """From rows to an experiment's folder that holds them."""

    def fill(rows: list[Row], experiment: Experiment | None = None) -> ExperimentFolder:
        return fill_folder(tmp_path / "experiment", rows, experiment or experiment_of(), strip)

    return fill


@pytest.fixture(scope="session")
def kept_rich(tmp_path_factory: pytest.TempPathFactory, strip: Image.Image) -> ExperimentFolder:
    """Four methods, two of them only ablations, and eight photos of two kinds, with everything that can be measured;
    one photo has failed, and one is only there of one method. To be read only."""
    parts = ("E and P", "warp")
    methods = {
        "sg2": Method("SG2†", {"steps": 400}),
        "ours": Method("ours", {"steps": 400}, dict.fromkeys(parts, True)),
        "no_warp": Method("ours & no warp_loss", {}, dict(zip(parts, (True, False), strict=True)), compared=False),
        "neither": Method("ours, neither", {}, dict.fromkeys(parts, False), compared=False),
    }
    shifts = {"sg2": -1.0, "ours": 1.0, "no_warp": 0.5, "neither": 0.0}
    rows = [
        made_up_row(method, photo, shift, ("in family", "hat | cap")[photo % 2], rich=True)
        for method, shift in shifts.items()
        for photo in range(8)
    ]
    rows += [Row("sg2", "9", "hat | cap", {}, error="no face_was found"), made_up_row("ours", 11)]
    experiment = experiment_of(methods, left_out={"FID": "no weights of Inception; give --inception PATH"})
    return fill_folder(tmp_path_factory.mktemp("kept") / "experiment", rows, experiment, strip)


@pytest.fixture
def rich(kept_rich: ExperimentFolder, tmp_path: Path) -> ExperimentFolder:
    """A copy of ``kept_rich``."""
    copied = tmp_path / "rich"
    for part in ("rows", "pictures"):
        shutil.copytree(kept_rich.folder / part, copied / part)
    shutil.copy(kept_rich.folder / "experiment.json", copied)
    return ExperimentFolder.loaded(copied)
