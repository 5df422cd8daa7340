"""Claims about what the tables of a report say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gan3dinv_ns.evaluation.comparison.group import FrechetSummary, summarise
from gan3dinv_ns.evaluation.comparison.page import comparison_tables
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
from gan3dinv_ns.evaluation.comparison.table import Table
from gan3dinv_ns.evaluation.comparison.tables import GroupTables, shown_p


def _tables(folder: ExperimentFolder, reference: str | None = "ours") -> GroupTables:
    rows = {method: {row.photo: row for row in folder.rows(method)} for method in folder.experiment.methods}
    metrics = folder.experiment.metrics
    return GroupTables(folder.experiment, summarise(Selection.of(rows), metrics, reference, "v1"), "all")


def _texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in line] for line in table.lines]


def test_means_show_best_second_and_what_is_no_noise(rich) -> None:
    tables = _tables(rich)
    table = tables.means()
    assert table.headings == ("method", "LPIPS ↓", "PSNR [dB] ↑", "rotation [degrees] ↓", "Fréchet distance ↓")
    lpips = {line[0].text: line[1] for line in table.lines}
    assert lpips["ours"].rank == "best" and lpips["ours & no warp_loss"].rank == "second"
    mean = tables.group.metrics[0].spreads["sg2"].mean
    assert lpips["SG2†"].text == f"{mean:.4f}*" and not lpips["ours"].text.endswith("*")
    assert any("v1" in note for note in table.notes), "the features have their name"


@pytest.mark.parametrize(("photos", "reliable"), ((4999, False), (30_000, True)))
def test_fid_says_of_how_many_photos_it_is_and_when_these_are_too_few(rich, photos: int, reliable: bool) -> None:
    tables = _tables(rich)
    fid = FrechetSummary("inception-v1", photos, {"ours": 41.237, "sg2": 55.0})
    table = GroupTables(tables.experiment, replace(tables.group, fid=fid), "all").means()
    assert table.headings[-1] == "FID ↓" and [line[-1].text for line in table.lines][:2] == ["55.00", "41.24"]
    (note,) = (note for note in table.notes if note.startswith("FID"))
    assert f"{photos} photos" in note and "inception-v1" in note and ("biased upwards" in note) is not reliable


def test_changes_have_the_units_of_what_reads_them(rich) -> None:
    tables = _tables(rich)
    assert "In standard deviations of the attribute." in tables.edit_changes().notes
    experiment = replace(tables.experiment, edit_units={"age": "years"})
    assert (
        "Units: age in years, smile in standard deviations."
        in GroupTables(experiment, tables.group, "all").edit_changes().notes
    )


def test_edits_without_persons_have_no_likeness(filled, make_row) -> None:
    edits = tuple(replace(edit, identity=None) for edit in make_row("ours", 1, rich=True).edits)
    row = replace(make_row("ours", 1), edits=edits)
    tables = _tables(filled([row]))
    assert [edit.identity for edit in tables.group.edits] == [{}] * 6
    names = [table.name for table in comparison_tables(tables.experiment, tables.group)]
    assert "comparison-edit-change" in names and "comparison-edit-identity" not in names


def test_a_metric_that_a_method_does_not_have_is_a_dash_and_fewer_photos_are_told(filled) -> None:
    rows = [Row("ours", str(i), "", {"psnr": float(i), "lpips": 0.1}) for i in range(3)]
    rows += [Row("sg2", str(i), "", {"lpips": 0.2}) for i in range(3)]
    rows += [Row("sg2", "9", "", {"lpips": 0.2})]
    rows[0] = Row("ours", "0", "", {"lpips": 0.1})
    table = _tables(filled(rows)).means()
    assert _texts(table) == [["SG2†", "0.2000", "–"], ["ours", "0.1000", "1.50"]]
    assert table.title == "Means of 3 photos" and "Known of fewer photos: PSNR (2)." in table.notes


def test_tests_tell_who_is_better(rich) -> None:
    table = _tables(rich).tests()
    assert [line[0].text for line in table.lines] == [
        "LPIPS ↓", "", "", "PSNR [dB] ↑", "", "", "rotation [degrees] ↓", "", "",
    ]  # fmt: skip
    method, verdict, photos, difference, interval, p, p_holm = (cell.text for cell in table.lines[0][1:])
    assert method == "SG2†" and verdict == "ours is better" and photos == "8" and difference.startswith("+0.0")
    assert interval.startswith("[+0.") and p == "0.0078" and p_holm == "0.023"
    assert _tables(rich, None).tests() is None


def test_a_method_that_beats_the_reference_is_told_and_so_are_too_few_photos(filled, make_row, strip) -> None:
    rows = [make_row("ours", i) for i in range(8)] + [make_row("sg2", i, shift=3.0) for i in range(5)]
    folder = filled(rows)
    assert {line[2].text for line in _tables(folder).tests().lines} == {"too few photos"}
    for photo in (5, 6, 7):
        folder.add(make_row("sg2", photo, shift=3.0), strip)
    assert {line[2].text for line in _tables(folder).tests().lines[:2]} == {"better"}


def test_the_ablation_marks_parts_and_ends_with_the_whole_method(rich) -> None:
    table = _tables(rich).ablation()
    assert table.headings[:4] == ("method", "E and P", "warp", "LPIPS ↓")
    marks = {line[0].text: [cell.text for cell in line[1:3]] for line in table.lines}
    assert marks["ours"] == ["✓", "✓"] and marks["ours & no warp_loss"] == ["✓", "✗"]
    assert marks["ours, neither"] == ["✗", "✗"] and marks["SG2†"] == ["–", "–"]
    assert table.lines[-1][0].text == "ours" and len(table.headings) == len(table.lines[0])


def test_edits_have_a_line_for_each_strength_and_a_column_for_each_method(rich) -> None:
    tables = _tables(rich)
    changes, identities = tables.edit_changes(), tables.edit_identities()
    assert changes.headings == ("attribute", "γ", "SG2†", "ours", "ours & no warp_loss", "ours, neither")
    assert [line[:2] for line in _texts(changes)] == [
        ["age", "-2"], ["", "0"], ["", "2"], ["smile", "-2"], ["", "0"], ["", "2"],
    ]  # fmt: skip
    assert _texts(changes)[2][3] == f"{tables.group.edits[2].change['ours']:+.3f}"
    assert _texts(identities)[0][2:] == ["0.8400"] * 4 and _texts(identities)[1][2] == "1.0000"


def test_kinds_and_spreads_have_a_line_for_each_method(rich) -> None:
    tables = _tables(rich)
    family, hat = tables.kinds()
    assert family.title == "Photos of the kind in family: means of 4 photos" and "hat | cap" in hat.title
    assert not family.notes, "all figures are known of all photos of the kind"
    medians, highest = tables.spreads()
    assert _texts(medians)[0][2] == f"{tables.group.metrics[1].spreads['sg2'].median:.2f}"
    assert _texts(highest)[0][2] == f"{tables.group.metrics[1].spreads['sg2'].p90:.2f}"
    assert {len(one.lines) for one in (family, hat, medians, highest)} == {4}


@pytest.mark.parametrize(("p", "shown"), ((0.0413, "0.041"), (1.0, "1"), (0.001, "0.001"), (0.0009, "<0.001")))
def test_p_has_two_digits_that_matter(p: float, shown: str) -> None:
    assert shown_p(p) == shown
