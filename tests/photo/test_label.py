"""Labels beside photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gan3dinv_ns.photo.label import find_label

LABEL = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]


@pytest.mark.parametrize("labels", [[["a.png", LABEL], ["b.png", [0] * 25]], {"a.png": LABEL}])
def test_a_photo_has_the_label_of_its_name(labels: Any, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert find_label(tmp_path / "a.png") == tuple(map(float, LABEL))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, r"dataset\.json: no such file"),
        ("{", "not a dataset.json of EG3D"),
        ('{"labels": null}', "not a dataset.json of EG3D"),
        (json.dumps({"labels": [["b.png", LABEL]]}), r"has no label of a\.png"),
        (json.dumps({"labels": [["a.png", LABEL[:24]]]}), r"label of a\.png must have 25 numbers"),
        (json.dumps({"labels": [["a.png", ["x", *LABEL[1:]]]]}), "something that is no number"),
        (json.dumps({"labels": [["a.png", [2, *LABEL[1:]]]]}), "orthonormal rows"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(text: str | None, reason: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        find_label(tmp_path / "a.png")
    assert "\n" not in str(caught.value)
