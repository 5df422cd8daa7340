"""Claims about the table of the held-out benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan3dinv_ns.evaluation.rows import (
    METRICS,
    HeldoutRow,
    markdown_rows,
    markdown_summary,
    read_rows,
    summarise,
    text_summary,
    write_rows,
)


def _rows(count: int = 7) -> list[HeldoutRow]:
    values = np.random.default_rng(3).uniform(0, 30, (count, len(METRICS)))
    figures = [dict(zip(METRICS, line.tolist(), strict=True)) for line in values]
    return [HeldoutRow(str(90 + i), "glasses, round", one) for i, one in enumerate(figures)]


def test_the_metrics_are_the_nine_that_are_reported() -> None:
    assert METRICS == (
        "psnr", "ms_ssim", "rotation_deg", "translation_box",
        "novel_psnr_0.2", "novel_psnr_0.4", "novel_psnr_0.6", "depth_mae_box", "seconds",
    )  # fmt: skip


def test_summary_is_numpys_mean_median_and_percentile() -> None:
    rows = _rows()
    summary = summarise(rows)
    assert tuple(summary) == METRICS
    for metric, figures in summary.items():
        values = [row.figures[metric] for row in rows]
        assert list(figures) == ["mean", "median", "p90"]
        assert list(figures.values()) == pytest.approx([np.mean(values), np.median(values), np.percentile(values, 90)])


def test_p90_lies_between_neighbours_in_proportion() -> None:
    rows = [HeldoutRow(str(i), "", dict.fromkeys(METRICS, float(i))) for i in range(4)]
    assert summarise(rows)["psnr"]["p90"] == pytest.approx(2.7)


def test_no_rows_have_no_summary() -> None:
    with pytest.raises(ValueError, match="no heads"):
        summarise([])


def test_rows_come_back_from_csv_exactly(tmp_path: Path) -> None:
    write_rows(tmp_path / "heads.csv", _rows())
    assert read_rows(tmp_path / "heads.csv") == _rows()
    heading = (tmp_path / "heads.csv").read_text().splitlines()[0]
    assert heading == "name,kind," + ",".join(METRICS)


@pytest.mark.parametrize("line", ("91,glasses,1.0", "91,glasses" + ",x" * len(METRICS), "91,glasses" + ",nan" * 9, ""))
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    write_rows(tmp_path / "heads.csv", _rows(1))
    with (tmp_path / "heads.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match="line 3 is damaged"):
        read_rows(tmp_path / "heads.csv")


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text("name,psnr\n")
    with pytest.raises(ValueError, match="does not have the columns"):
        read_rows(tmp_path / "heads.csv")


def test_tables_have_a_line_for_each_head_and_metric() -> None:
    rows = _rows(3)
    assert len(markdown_rows(rows).splitlines()) == 2 + 3
    assert len(markdown_summary(rows).splitlines()) == 2 + len(METRICS)
    assert len({len(line) for line in text_summary(rows).splitlines()}) == 1
    assert f"| {rows[0].figures['psnr']:.2f} |" in markdown_rows(rows)
