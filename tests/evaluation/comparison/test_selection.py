"""Claims about which photos are compared."""

from __future__ import annotations

import numpy as np

from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.selection import Selection


def _rows(method: str, photos: dict[str, dict[str, float]], failed: tuple[str, ...] = ()) -> dict[str, Row]:
    rows = {photo: Row(method, photo, "hat" if photo == "10" else "", figures) for photo, figures in photos.items()}
    return rows | {photo: Row(method, photo, "", {}, error="no face") for photo in failed}


def test_photos_that_all_have_finished_are_compared_in_the_order_of_their_numbers() -> None:
    ours = _rows("ours", {"10": {}, "9": {}, "1": {}}, failed=("2",))
    pti = _rows("pti", {"9": {}, "10": {}, "2": {}, "3": {}})
    selection = Selection.of({"ours": ours, "pti": pti})
    assert selection.photos == ("9", "10")
    assert [row.photo for row in selection.rows["pti"]] == ["9", "10"]
    assert selection.kinds == {"": 1, "hat": 1} and selection.of_kind("hat").photos == ("10",)


def test_a_method_that_has_finished_nothing_does_not_stop_the_comparison() -> None:
    rows = {"ours": _rows("ours", {"1": {}}), "pti": _rows("pti", {}, failed=("1",)), "sg2": {}}
    assert Selection.of(rows).methods == ("ours",) and Selection.of(rows).photos == ("1",)


def test_methods_without_common_photos_have_nothing_to_compare() -> None:
    selection = Selection.of({"ours": _rows("ours", {"1": {"psnr": 1}}), "pti": _rows("pti", {"2": {"psnr": 1}})})
    assert selection.methods == ("ours", "pti") and selection.photos == ()
    assert selection.values("psnr") == {} and selection.kinds == {}
    assert Selection.of({}).photos == () and Selection.of({}).values("psnr") == {}


def test_values_are_paired_by_photo_and_of_methods_that_have_the_figure() -> None:
    ours = _rows("ours", {"1": {"psnr": 1.0, "depth": 5.0}, "2": {"psnr": 2.0}, "3": {"psnr": 3.0, "depth": 7.0}})
    pti = _rows("pti", {"3": {"psnr": 30.0, "depth": 70.0}, "1": {"psnr": 10.0}, "2": {"psnr": 20.0, "depth": 60.0}})
    sg2 = _rows("sg2", {"1": {"psnr": 0.0}, "2": {"psnr": 0.0}, "3": {"psnr": 0.0}})
    selection = Selection.of({"ours": ours, "pti": pti, "sg2": sg2})
    psnr, depth = selection.values("psnr"), selection.values("depth")
    assert np.array_equal(psnr["ours"] * 10, psnr["pti"]) and list(psnr) == ["ours", "pti", "sg2"]
    assert {method: one.tolist() for method, one in depth.items()} == {"ours": [7.0], "pti": [70.0]}
    assert selection.values("never measured") == {}
