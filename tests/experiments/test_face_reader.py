"""Claims about the network that reads drawn heads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.cli import main
from gan3dinv_ns.evaluation.attribute_regressor import AttributeRegressor
from gan3dinv_ns.experiments.face_reader import FaceReader, judged, reader_file
from gan3dinv_ns.heads.attributes import FACE_TARGETS
from gan3dinv_ns.heads.dataset import HeadSettings, generate_dataset, pack_dataset
from gan3dinv_ns.heads.face_scale import EDITABLE, HELD, SCALE_LABELS
from gan3dinv_ns.ops.network_files import write_network_file

GENERATOR = "makehuman128-64"


def test_the_shipped_reader_reads_heads_it_has_never_seen() -> None:
    readings, strangers = judged(FaceReader.of(GENERATOR), range(960_000, 960_040))
    values = {one.name: one.value for one in readings}
    assert values["age"] > 0.7 and values["smile"] > 0.6 and values["skin-tone"] > 0.8
    assert abs(strangers) < 0.1, "different heads are not alike"


def test_a_reader_gives_values_and_shapes_for_each_picture(tmp_path: Path) -> None:
    untrained = FaceReader(AttributeRegressor({name: torch.zeros(2) for name in SCALE_LABELS}).eval())
    untrained.save(tmp_path / "g.reader.safetensors")
    values, shapes = FaceReader.of(str(tmp_path / "g.safetensors"))(torch.zeros(2, 3, 128, 128))
    assert list(values) == [*EDITABLE, *HELD] and values["smile"].shape == (2,)
    assert shapes.shape == (2, len(FACE_TARGETS))
    torch.testing.assert_close(shapes[0], shapes[1])


def test_a_reader_comes_back_from_its_file_in_half_precision(tmp_path: Path) -> None:
    shipped, pictures = FaceReader.of(GENERATOR), torch.rand(3, 3, 128, 128) * 2 - 1
    shipped.save(tmp_path / "again.safetensors")
    again = FaceReader.load(tmp_path / "again.safetensors")
    torch.testing.assert_close(again(pictures)[1], shipped(pictures)[1])
    assert (tmp_path / "again.safetensors").stat().st_size < 600_000


def test_a_generator_without_reader_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"g\.safetensors: has no reader of its heads"):
        FaceReader.of(str(tmp_path / "g.safetensors"))


@pytest.mark.parametrize(("labels", "reason"), [(["age"], "other attributes"), (SCALE_LABELS, "not the weights")])
def test_a_wrong_file_is_one_line(tmp_path: Path, labels: list[str], reason: str) -> None:
    write_network_file(tmp_path / "bad.safetensors", "reader", {"labels": list(labels)}, {"a": torch.zeros(1)})
    with pytest.raises(ValueError, match=reason):
        FaceReader.load(tmp_path / "bad.safetensors")


def test_a_reader_is_trained_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = generate_dataset(None, tmp_path / "heads", HeadSettings(0, 4, 1, 32), 1)
    pack_dataset(folder, tmp_path / "heads.safetensors")
    output = tmp_path / "r.safetensors"
    options = ["--data", str(tmp_path / "heads.safetensors"), "--output", str(output), "--judged", "2"]
    main(["heads", "reader", *options, "--pictures-seen", "64", "--device", "cpu"])
    assert "smile: R2" in capsys.readouterr().out
    assert FaceReader.load(output)(torch.zeros(1, 3, 128, 128))[1].shape == (1, len(FACE_TARGETS))
    assert reader_file("g.safetensors") == Path("g.reader.safetensors")
