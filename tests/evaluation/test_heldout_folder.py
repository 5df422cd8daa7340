"""Claims about the folder of a held-out benchmark: nothing is lost, nothing is mixed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.evaluation.heldout import MeasuredHead, measure_head
from gan3dinv_ns.evaluation.heldout_folder import HeldoutFolder, HeldoutRun, weights_digest
from gan3dinv_ns.evaluation.rows import METRICS, read_rows

RUN = HeldoutRun("tiny", "heads", 7, {"roll": 0.0, "inversion": {"depth_samples": (16, 16)}})


@pytest.fixture
def measured(ball, label, told):
    """From a name to a measured head."""

    def measure(name: str) -> MeasuredHead:
        return measure_head(ball(name, label(0.1, 0.0)), told(label(0.2, 0.0), 0.1, 0.02), 3.0)

    return measure


def test_every_head_is_on_disk_as_soon_as_it_is_added(tmp_path: Path, measured) -> None:
    folder = HeldoutFolder(tmp_path, RUN)
    for count, name in enumerate(("7", "8"), start=1):
        folder.add(measured(name))
        assert [row.name for row in read_rows(tmp_path / "heads.csv")] == ["7", "8"][:count]
        assert json.loads((tmp_path / "summary.json").read_text())["count"] == count
        with Image.open(tmp_path / "pictures" / f"{name}.png") as strip:
            assert strip.size == (8 * 128, 128)


def test_summary_holds_all_metrics_and_what_they_were_made_with(tmp_path: Path, measured) -> None:
    HeldoutFolder(tmp_path, RUN).add(measured("7"))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary) == [*METRICS, "count", "generator", "dataset", "seed", "settings"]
    assert summary["seconds"] == {"mean": 3.0, "median": 3.0, "p90": 3.0}
    assert (summary["generator"], summary["dataset"], summary["seed"]) == ("tiny", "heads", 7)


def test_the_same_run_goes_on_with_its_rows(tmp_path: Path, measured) -> None:
    HeldoutFolder(tmp_path, RUN).add(measured("7"))
    again = HeldoutFolder(tmp_path, RUN)
    assert again.done == {"7"} and again.rows == [measured("7").row]
    again.add(measured("8"))
    assert HeldoutFolder(tmp_path, RUN).done == {"7", "8"}


def test_a_head_without_its_picture_is_inverted_again(tmp_path: Path, measured) -> None:
    HeldoutFolder(tmp_path, RUN).add(measured("7"))
    (tmp_path / "pictures" / "7.png").unlink()
    assert HeldoutFolder(tmp_path, RUN).done == set()


@pytest.mark.parametrize(
    ("run", "difference"),
    (
        (replace(RUN, generator="other"), "generator 'tiny', not 'other'"),
        (replace(RUN, dataset="heads-out-of-family"), "dataset 'heads', not 'heads-out-of-family'"),
        (replace(RUN, seed=8), "seed 7, not 8"),
        (replace(RUN, settings={"roll": 0.3, "inversion": {"depth_samples": (16, 16)}}), "settings.roll 0.0, not 0.3"),
        (replace(RUN, settings={"roll": 0.0}), "settings.inversion.depth_samples"),
    ),
)
def test_another_run_is_refused_with_the_difference_and_the_fix(tmp_path: Path, measured, run, difference) -> None:
    HeldoutFolder(tmp_path, RUN).add(measured("7"))
    with pytest.raises(ValueError, match="choose another --output-dir") as refused:
        HeldoutFolder(tmp_path, run)
    assert difference in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("content", (None, "{", "[1]"))
def test_rows_of_unknown_origin_are_refused(tmp_path: Path, measured, content: str | None) -> None:
    HeldoutFolder(tmp_path, RUN).add(measured("7"))
    (tmp_path / "summary.json").unlink()
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    with pytest.raises(ValueError, match="choose another --output-dir"):
        HeldoutFolder(tmp_path, RUN)


def test_report_and_sheet_are_put_together_by_name(tmp_path: Path, measured) -> None:
    folder = HeldoutFolder(tmp_path, RUN)
    for name in ("10", "9"):
        folder.add(measured(name))
    written = folder.finish()
    assert [path.name for path in written] == ["heads.csv", "summary.json", "heads.png", "report.md"]
    report = (tmp_path / "report.md").read_text()
    assert "(heads.png)" in report and report.index("| 9 |") < report.index("| 10 |")
    with Image.open(tmp_path / "heads.png") as sheet:
        assert sheet.height > 2 * 128 and sheet.width > 8 * 128


def test_true_and_found_depth_have_the_same_grey_levels(tmp_path: Path, ball, label, told) -> None:
    HeldoutFolder(tmp_path, RUN).add(measure_head(ball("7", label(0, 0)), told(label(0, 0), 0.0, 0.05), 1.0))
    with Image.open(tmp_path / "pictures" / "7.png") as strip:
        true, found = (np.asarray(strip)[:, i * 128 : (i + 1) * 128, 0].astype(int) for i in (6, 7))
    assert true[0, 0] == found[0, 0] == 255, "the background is white"
    assert true[64, 64] > found[64, 64] + 20, "what lies deeper is darker"


def test_the_digest_changes_with_the_weights_only() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    before = weights_digest(layer)
    assert weights_digest(layer.requires_grad_(False)) == before and len(before) == 16
    layer.weight[0, 0] += 1e-3
    assert weights_digest(layer) != before
