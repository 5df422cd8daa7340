"""Claims about who reads what edits change, with networks that read brightness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.evaluation.attribute_regressor import AttributeRegressor
from gan3dinv_ns.experiments import edit_reading
from gan3dinv_ns.experiments.edit_reading import EditReading, edit_units, missing_edits
from gan3dinv_ns.experiments.face_reader import FaceReader, reader_file
from gan3dinv_ns.experiments.given_networks import NO_NETWORKS, GivenNetworks
from gan3dinv_ns.heads.face_scale import SCALE_LABELS
from gan3dinv_ns.photo import Face

GENERATOR = "makehuman128-64"
FACE = Face((30, 30, 60, 80), ((50, 55), (78, 55), (64, 70), (54, 85), (74, 85)))


class Brightness(nn.Module):
    """As much as the picture is bright; remembers the sizes it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: set[int] = set()

    def forward(self, pictures: Tensor) -> Tensor:
        self.sides.add(pictures.shape[-1])
        return pictures.mean(dim=(1, 2, 3))


class Person(nn.Module):
    """The mean colour."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def with_reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a generator would be whose heads have a reader, an untrained one."""
    path = tmp_path_factory.mktemp("with_reader") / "g.safetensors"
    regressor = AttributeRegressor({name: torch.zeros(2) for name in SCALE_LABELS})
    FaceReader(regressor.eval()).save(reader_file(path))
    return str(path)


@pytest.fixture(scope="module")
def shipped(with_reader: str) -> EditReading:
    """With no network given."""
    return EditReading.of(load_generator(GENERATOR), with_reader, NO_NETWORKS, torch.device("cpu"))


@pytest.fixture
def faces_at(monkeypatch) -> Callable[..., list[float]]:
    """Says which views show a face; what it returns lists the brightness of all that was looked at."""

    def place(*bright: float) -> list[float]:
        looked: list[float] = []

        def find(view: Tensor) -> list[Face]:
            looked.append(float(view.mean()))
            return [FACE] if looked[-1] in bright else []

        monkeypatch.setattr(edit_reading, "find_faces", find)
        return looked

    return place


def _views(*levels: float) -> Tensor:
    return torch.cat([torch.full((1, 3, 128, 128), level) for level in levels])


def test_without_given_networks_the_shipped_reader_reads_all(shipped: EditReading, faces_at) -> None:
    looked = faces_at()
    assert shipped.edited == ("age", "smile") and shipped.reader_of(_views(0.0)) is shipped.reader
    assert not looked, "it needs no face to be found"


def test_given_networks_read_what_they_are_for_and_the_shipped_reader_the_rest(shipped, faces_at) -> None:
    age = Brightness()
    spread = {**shipped.spread, "age": 1.0}
    reading = replace(shipped, estimators={"age": age}, identity=Person(), spread=spread)
    faces_at(0.25)
    read = reading.reader_of(_views(0.25))
    assert read is not None
    values, persons = read(_views(-0.5))
    assert float(values["age"]) == pytest.approx(-0.5) and age.sides == {224}
    assert persons is not None and persons.tolist() == [pytest.approx([-0.5] * 3)]
    assert shipped.reader is not None
    torch.testing.assert_close(values["smile"], shipped.reader(_views(-0.5))[0]["smile"])


def test_faces_are_looked_for_before_the_edit_only_and_views_without_one_are_not_read(shipped, faces_at) -> None:
    reading = replace(shipped, reader=None, estimators={"smile": Brightness()}, identity=None, spread={"smile": 1.0})
    looked = faces_at(0.25, 0.75)
    read = reading.reader_of(_views(0.25, 0.5, 0.75))
    assert read is not None and looked == [0.25, 0.5, 0.75]
    values, persons = read(_views(0.0, 1.0, -1.0))
    assert values["smile"].tolist() == pytest.approx([0.0, -1.0]) and persons is None and len(looked) == 3
    assert reading.reader_of(_views(0.5, 0.5)) is None, "no view shows a face"


def test_what_cannot_be_read_is_told_with_the_reason(monkeypatch, with_reader: str, tmp_path: Path) -> None:
    generator, unread = load_generator(GENERATOR), str(tmp_path / "g.safetensors")
    age = GivenNetworks(age_estimator=tmp_path / "age.pth")
    assert missing_edits(generator, with_reader, NO_NETWORKS) == {}
    missing = missing_edits(generator, unread, age)
    assert missing.keys() == {"edits of smile", "identity of edits"}
    assert "has no reader" in missing["edits of smile"] and missing["edits of smile"].endswith("--smile-estimator")
    assert missing["identity of edits"].endswith("--identity-network")
    assert missing_edits(generator, unread, NO_NETWORKS).keys() == {"edits"}
    whole = replace(age, smile_estimator=tmp_path / "s.pt", identity_network=tmp_path / "i.pth")
    assert missing_edits(generator, unread, whole) == {}
    assert edit_units(whole) == {"age": "years", "smile": "log-odds"} and edit_units(NO_NETWORKS) == {}
    monkeypatch.setattr(edit_reading, "find_directions", lambda generator: None)
    assert "no named directions" in missing_edits(generator, with_reader, whole)["edits"]
