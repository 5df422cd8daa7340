"""Claims about the numbers of a group of methods, recomputed with numpy."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from gan3dinv_ns.evaluation.comparison.group import GroupSummary, summarise
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
from gan3dinv_ns.evaluation.edit_table import EditRow
from gan3dinv_ns.evaluation.frechet import frechet_distance
from gan3dinv_ns.evaluation.half_vectors import packed, unpacked

EIGHT = {str(photo) for photo in range(8)}
"""Photos that all methods have finished."""


def _rows(folder: ExperimentFolder) -> dict[str, dict[str, Row]]:
    return {
        method: {row.photo: row for row in folder.rows(method) if row.photo in EIGHT}
        for method in folder.experiment.methods
    }


def _summary(folder: ExperimentFolder, reference: str | None = "ours") -> GroupSummary:
    return summarise(Selection.of(_rows(folder)), folder.experiment.metrics, reference, "features-v1")


def test_mean_median_and_percentile_are_numpys(rich) -> None:
    rows = _rows(rich)
    for one in _summary(rich).metrics:
        for method, spread in one.spreads.items():
            values = [row.figures[one.metric.name] for row in rows[method].values()]
            wanted = np.mean(values), np.median(values), np.percentile(values, 90)
            assert (spread.mean, spread.median, spread.p90) == pytest.approx(wanted)


def test_kinds_have_their_own_means(rich) -> None:
    rows, kinds = _rows(rich), _summary(rich).kinds
    assert {kind: photos for kind, (photos, _) in kinds.items()} == {"in family": 4, "hat | cap": 4}
    for kind, (_, metrics) in kinds.items():
        values = [row.figures["lpips"] for row in rows["sg2"].values() if row.kind == kind]
        assert metrics[0].spreads["sg2"].mean == pytest.approx(np.mean(values)) and not metrics[0].tests


def test_one_kind_needs_no_tables_of_kinds(filled, make_row) -> None:
    assert _summary(filled([make_row("ours", photo) for photo in range(3)])).kinds == {}


def test_the_frechet_distance_is_between_all_photos_and_all_results(rich) -> None:
    found = _summary(rich).frechet
    assert found is not None and (found.features, found.photos) == ("features-v1", 8)
    rows = list(_rows(rich)["sg2"].values())
    sets = [torch.tensor([list(row.features[name]) for row in rows]).double() for name in ("photo", "result")]
    assert found.distances["sg2"] == pytest.approx(frechet_distance(*sets))


def test_fid_is_that_of_inceptions_vectors_of_the_photos_that_all_methods_have(filled) -> None:
    random = np.random.default_rng(0)
    vectors = {
        method: [{name: packed(random.random(6)) for name in ("photo", "result")} for _ in range(5)]
        for method in ("ours", "sg2")
    }
    rows = [Row(m, str(i), "", {"psnr": 1.0}, inception=one) for m, of in vectors.items() for i, one in enumerate(of)]
    rows[-1] = Row("sg2", "4", "", {"psnr": 1.0})
    found = _summary(filled(rows)).fid
    assert found is not None and found.photos == 4
    sets = [
        torch.tensor(np.stack([unpacked(one[name]) for one in vectors["ours"][:4]])) for name in ("photo", "result")
    ]
    assert found.distances["ours"] == pytest.approx(frechet_distance(*sets))


def test_fewer_than_two_photos_have_no_frechet_distance(filled, make_row) -> None:
    rows = [make_row(method, photo, rich=photo == 1) for method in ("ours", "sg2") for photo in range(3)]
    assert _summary(filled(rows)).frechet is None


def test_features_of_different_lengths_are_refused(filled, make_row) -> None:
    rows = [make_row("ours", photo, rich=True) for photo in range(3)]
    rows[1] = replace(rows[1], features={"photo": [1.0], "result": [2.0]})
    with pytest.raises(ValueError, match=r"features of method 'ours' have lengths \[1, 4\]"):
        _summary(filled(rows))


def test_edits_are_averaged_over_the_photos_that_all_have_them(filled, make_row) -> None:
    def row(method: str, photo: int, change: float, strengths: tuple[float, ...]) -> Row:
        edits = tuple(
            EditRow("age", one, {"age": change * one, "smile": 9.0}, 1 - photo * one / 10, None) for one in strengths
        )
        return replace(make_row(method, photo), edits=edits)

    rows = [row("ours", 1, 2.0, (1.0, -1.0)), row("ours", 2, 4.0, (1.0,)), row("ours", 3, 99.0, (1.0,))]
    rows += [row("sg2", 1, 1.0, (-1.0, 1.0)), row("sg2", 2, 1.0, (1.0,)), row("sg2", 3, 5.0, ())]
    low, high = _summary(filled(rows)).edits
    assert (low.strength, low.photos, high.strength, high.photos) == (-1.0, 1, 1.0, 2)
    assert high.change == {"ours": 3.0, "sg2": 1.0} and low.change == {"ours": -2.0, "sg2": -1.0}
    assert high.identity == pytest.approx({"ours": 0.85, "sg2": 0.85}), "0.9 and 0.8"


def test_without_the_reference_nothing_is_tested(rich) -> None:
    for reference in (None, "pti"):
        summary = _summary(rich, reference)
        assert summary.reference is None and not any(one.tests for one in summary.metrics)
    assert set(_summary(rich).metrics[0].tests) == {"sg2", "no_warp", "neither"}


def test_a_summary_is_plain_data(rich) -> None:
    plain = json.loads(json.dumps(_summary(rich).to_json(), allow_nan=False))
    assert plain["photos"] == [str(photo) for photo in range(8)]
    test = plain["metrics"]["lpips"]["methods"]["sg2"]["test"]
    assert test["p_holm"] < 0.05 and plain["metrics"]["lpips"]["methods"]["ours"]["test"] is None
    assert plain["kinds"]["hat | cap"]["metrics"]["psnr"]["photos"] == 4 and len(plain["edits"]) == 6
