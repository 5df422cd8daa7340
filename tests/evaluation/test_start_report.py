"""The comparison of inversions by their start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gan3dinv_ns.evaluation.start_report import compare_starts, write_start_report

STARTS = {"learned": "E and P", "searched": "mean and search"}


def test_the_report_holds_means_and_medians_of_every_start_and_count(tmp_path: Path) -> None:
    names = ("psnr", "rotation_deg", "novel_psnr_0.4", "seconds")

    def evaluate(start: str, steps: int) -> list[dict[str, float]]:
        better = 3.0 if start == "learned" else 0.0
        return [dict.fromkeys(names, better + steps + n) for n in (0, 1, 5)]

    figures = compare_starts(STARTS, (50, 0), evaluate)
    shown = [(one.start, one.steps) for one in figures]
    assert shown == [(name, steps) for name in STARTS.values() for steps in (0, 50)]
    assert figures[1].mean["psnr"] == 55 and figures[1].median["psnr"] == 54 and figures[2].median["psnr"] == 1
    table, plot, report = write_start_report(tmp_path, figures, 3)
    assert json.loads(table.read_text())[3]["mean"]["rotation_deg"] == 52
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "| E and P | 50 | 55.00 (54.00) |" in report.read_text() and "of 3 unseen heads" in report.read_text()


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one start"):
        compare_starts({}, (0, 50), lambda start, steps: [])
