"""Claims about the files of a report."""

from __future__ import annotations

import csv
import json
import re

import pytest
from PIL import Image

from gan3dinv_ns.evaluation.comparison.plots import Plots
from gan3dinv_ns.evaluation.comparison.report import write_report
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder

FAILED = Row("sg2", "9", "hat | cap", {}, error="no face_was found")
ALWAYS = {"rows.csv", "summary.json", "tables.tex", "report.md"}


@pytest.fixture(scope="module")
def reported(kept_rich: ExperimentFolder) -> ExperimentFolder:
    """With its report."""
    write_report(kept_rich, "ours")
    return kept_rich


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what takes most of the time."""
    for name in ("boxes", "steps", "edits"):
        monkeypatch.setattr(Plots, name, lambda *_: None)


def test_all_files_are_written_and_linked_and_a_second_report_is_the_same(reported) -> None:
    first = {path: path.read_bytes() for path in reported.folder.glob("*.*") if path.name != "experiment.json"}
    written = write_report(reported, "ours")
    assert {path: path.read_bytes() for path in written} == first
    pictures = {"boxes.png", "steps.png", "edits.png", "ablation-boxes.png", "sheet.png", "failures.png"}
    assert {path.name for path in written} == ALWAYS | pictures
    page = (reported.folder / "report.md").read_text()
    assert set(re.findall(r"\]\((.*?)\)", page)) == pictures
    for name in pictures:
        with Image.open(reported.folder / name) as picture:
            picture.verify()
    assert not list(reported.folder.glob(".*"))


def test_rows_come_back_from_csv_exactly(reported) -> None:
    with (reported.folder / "rows.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = [row for method in reported.experiment.methods for row in reported.rows(method)]
    assert list(lines[0]) == ["method", "photo", "kind", "error", "lpips", "psnr", "rotation_deg"]
    assert [(line["method"], line["photo"], line["kind"], line["error"]) for line in lines] == [
        (row.method, row.photo, row.kind, row.error) for row in rows
    ]
    for line, row in zip(lines, rows, strict=True):
        assert {name: float(line[name]) for name in list(line)[4:] if line[name]} == row.figures


def test_the_page_tells_what_is_compared_what_failed_and_what_was_left_out(reported) -> None:
    page = (reported.folder / "report.md").read_text()
    assert "The 8 photos that all of these methods have finished are compared: SG2†, ours." in page
    assert r"- 9, SG2†: no face\_was found" in page and "| SG2† | 8 | 1 |" in page and "| ours | 9 | 0 |" in page
    assert "- FID: no weights of Inception; give --inception PATH" in page
    order = [page.index(text) for text in ("Photos that failed", "## Comparison", "## Ablation", "## Plots", "## Set")]
    assert order == sorted(order)
    assert page.index("### Means of 8 photos") < page.index("### Paired tests") < page.index("hat \\| cap: means")


def test_the_ablation_is_compared_on_its_own_photos(rich, no_plots) -> None:
    rich.row_path("sg2", "0").unlink()
    write_report(rich, "ours")
    summary = json.loads((rich.folder / "summary.json").read_text())
    assert len(summary["comparison"]["photos"]) == 7 and len(summary["ablation"]["photos"]) == 8
    assert summary["comparison"]["methods"] == ["sg2", "ours"]
    assert summary["ablation"]["methods"] == ["ours", "no_warp", "neither"]


def test_the_summary_holds_the_experiment_and_the_failures(reported) -> None:
    summary = json.loads((reported.folder / "summary.json").read_text())
    assert summary["reference"] == summary["comparison"]["reference"] == summary["ablation"]["reference"] == "ours"
    assert summary["methods"]["sg2"]["failed"] == {"9": "no face_was found"}
    assert summary["dataset"] == {"name": "heads", "seed": 7} and summary["left_out"].keys() == {"FID"}


def test_a_reference_without_marks_leaves_the_whole_method_to_the_ablation(rich, no_plots) -> None:
    write_report(rich, "sg2")
    summary = json.loads((rich.folder / "summary.json").read_text())
    assert summary["comparison"]["reference"] == "sg2" and summary["ablation"]["reference"] == "ours"


def test_latex_has_every_table_under_its_own_label(reported) -> None:
    text = (reported.folder / "tables.tex").read_text()
    labels = re.findall(r"\\label{(.*?)}", text)
    assert len(set(labels)) == len(labels) == text.count(r"\begin{table}") == 10
    assert {"tab:comparison-means", "tab:ablation-means", "tab:comparison-edit-change"} <= set(labels)
    assert (
        r" & ours, neither & ours \& no warp\_loss & ours \\" in text
        and r"warp & $\times$ & $\times$ & \checkmark" in text
    )
    assert text.isascii() or set(re.sub(r"[\x00-\x7f]", "", text)) == {"é"}


def test_failures_that_were_repaired_are_not_shown_any_more(rich, make_row, strip, no_plots) -> None:
    write_report(rich, "ours")
    rich.forget_failed()
    rich.add(make_row("sg2", 9), strip)
    assert "failures.png" not in {path.name for path in write_report(rich, "ours")}
    assert not (rich.folder / "failures.png").exists()
    assert "failed\n" not in (rich.folder / "report.md").read_text().split("## Comparison")[0]


def test_the_sheet_begins_with_the_worst_photo_of_the_chosen_metric(
    rich, no_plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan3dinv_ns.evaluation.comparison import report

    shown = []
    monkeypatch.setattr(report, "sheet", lambda blocks: shown.append(blocks) or Image.new("RGB", (1, 1)))
    figures = {row.photo: row.figures for row in rich.rows("ours") if row.photo != "11"}
    write_report(rich, "ours", worst_by="rotation_deg")
    write_report(rich, "ours")
    assert [blocks[0].heading for blocks in shown[1::2]] == ["9: no face_was found"] * 2
    for blocks, worst in zip(shown[::2], ("rotation_deg", "lpips"), strict=True):
        order = sorted(figures, key=lambda photo: -figures[photo][worst])
        assert [block.heading.split()[0] for block in blocks] == order
        assert [line.title for line in blocks[0].lines] == ["SG2†", "ours"]


@pytest.mark.parametrize("rows", ("none", "failed", "disjoint"))
def test_a_report_of_next_to_nothing_says_so(filled, make_row, rows: str) -> None:
    there = {"none": [], "failed": [FAILED], "disjoint": [make_row("ours", 1), make_row("sg2", 2)]}[rows]
    folder = filled(there)
    written = {path.name for path in write_report(folder, "ours")}
    assert written == ALWAYS | ({"failures.png"} if rows == "failed" else set())
    page = (folder.folder / "report.md").read_text()
    told = "No photo was finished by all of" if rows == "disjoint" else "No method has finished a photo"
    assert told in page and json.loads((folder.folder / "summary.json").read_text())["comparison"]["photos"] == []


def test_a_report_of_one_method_and_one_photo_is_written(filled, make_row) -> None:
    folder = filled([make_row("ours", 1)])
    assert {path.name for path in write_report(folder, "ours")} == ALWAYS | {"boxes.png", "sheet.png"}
    assert (
        "The 1 photo that all of these methods have finished is compared" in (folder.folder / "report.md").read_text()
    )


def test_an_unknown_reference_or_metric_is_refused_before_anything_is_written(rich) -> None:
    with pytest.raises(ValueError, match="no method 'pti' to compare with; choose one of sg2, ours"):
        write_report(rich, "pti")
    with pytest.raises(ValueError, match="no metric 'ssim'; choose one of lpips, psnr"):
        write_report(rich, "ours", worst_by="ssim")
    assert not (rich.folder / "rows.csv").exists()


def test_the_whole_method_alone_is_no_ablation(rich, no_plots) -> None:
    for method in ("no_warp", "neither"):
        for path in (rich.folder / "rows" / method).glob("*.json"):
            path.unlink()
    write_report(rich, "ours")
    assert "ablation" not in json.loads((rich.folder / "summary.json").read_text())
    assert "## Ablation" not in (rich.folder / "report.md").read_text()
