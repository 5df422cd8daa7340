"""`gan3dinv edit`, `heads directions` and `heads edits`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.cli import main
from gan3dinv_ns.editing.named_directions import find_directions, load_directions
from gan3dinv_ns.eg3d import load_generator, save_generator
from gan3dinv_ns.evaluation.attribute_regressor import AttributeRegressor
from gan3dinv_ns.experiments.face_reader import FaceReader
from gan3dinv_ns.heads.attributes import attribute_names
from gan3dinv_ns.heads.drawn_heads import drawn_vectors
from gan3dinv_ns.heads.embedding import AttributeEmbedding, embedding_file, load_embedding, save_embedding
from gan3dinv_ns.heads.face_scale import SCALE_LABELS, face_values
from gan3dinv_ns.inversion.head_file import find_head, load_head


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_an_edit_leaves_its_files_with_the_run(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--component", "0:2", "1:-1.5:1-4", "--yaw", "0.3", "--samples", "100", "--strip", "component-0"]
    main(["edit", str(finished_run), *options])
    folder = finished_run / "edits" / "component-0+2_component-1-1.5"
    shown = capsys.readouterr().out
    for name in ("edited.png", "before_after.png", "strip.png", "edited.safetensors", "edit.json"):
        assert (folder / name).is_file() and f"wrote {folder / name}" in shown
    record = json.loads((folder / "edit.json").read_text())
    assert record["strengths"] == {"component-0": 2.0, "component-1": -1.5}
    assert record["directions"][1]["layers"] == [1, 4] and record["view"] == {"yaw_rad": 0.3, "pitch_rad": 0.0}
    side = _pixels(folder / "edited.png").shape[0]
    assert _pixels(folder / "strip.png").shape[1] == 7 * side
    head, edited = load_head(find_head(finished_run)), load_head(find_head(folder))
    moved = (edited.ws - head.ws)[0].norm(dim=1)
    assert moved[2] > moved[0] > 0
    main(["edit", str(folder), "--component", "0:-2", "--samples", "100", "--output-dir", str(folder / "back")])
    back = load_head(folder / "back" / "edited.safetensors")
    torch.testing.assert_close(back.ws[:, 0], head.ws[:, 0], atol=1e-4, rtol=1e-4)


def test_without_strengths_nothing_changes(finished_run: Path, tmp_path: Path) -> None:
    main(["edit", str(finished_run / "config.yml"), "--smile", "0", "--output-dir", str(tmp_path)])
    sheet = _pixels(tmp_path / "before_after.png")
    side = _pixels(tmp_path / "edited.png").shape[0]
    assert np.array_equal(sheet[-side:, :side], sheet[-side:, side:])
    assert torch.equal(load_head(tmp_path / "edited.safetensors").ws, load_head(find_head(finished_run)).ws)


def test_an_edited_head_becomes_a_mesh(finished_run: Path, tmp_path: Path) -> None:
    main(["edit", str(finished_run), "--component", "0:1", "--samples", "50", "--output-dir", str(tmp_path)])
    options = ["--resolution", "32", "--density-level", "0", "--formats", "ply", "--output-dir", str(tmp_path)]
    main(["export", "mesh", "--head", str(tmp_path / "edited.safetensors"), *options])
    assert (tmp_path / "mesh.ply").is_file()


def test_strengths_beyond_the_domain_are_told_in_one_line(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["edit", str(finished_run), "--component", "0:50", "--samples", "100", "--output-dir", str(tmp_path)])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert "component-0 +50 leads to" in line and "samples reach" in line


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--age", "1"], "age: this head's generator has no named directions"),
        (["--strip", "age"], "age: this head's generator has no named directions"),
        (["--direction", "{folder}/short.npy:1"], r"short\.npy: shape \(7,\) does not fit; .* \(512,\)"),
        (["--direction", "short.npy"], "cannot be understood"),
        (["--component", "0:1:0-99"], "layers 0-99 do not fit"),
        (["--directions", "no.safetensors", "--age", "1"], "no.safetensors: no such file"),
    ],
)
def test_what_cannot_be_edited_is_one_line(finished_run: Path, tmp_path: Path, options: list[str], reason: str) -> None:
    np.save(tmp_path / "short.npy", np.ones(7, np.float32))
    filled = [option.format(folder=tmp_path) for option in options]
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["edit", str(finished_run), "--samples", "50", "--output-dir", str(tmp_path / "out"), *filled])
    assert "\n" not in str(ended.value) and not (tmp_path / "out").exists()


@pytest.fixture
def known(tiny_generator_file: Path, tmp_path: Path) -> Path:
    """The tiny generator with an embedding and a reader beside it."""
    save_generator(load_generator(tiny_generator_file), tmp_path / "g.safetensors")
    embedding = AttributeEmbedding.fit(drawn_vectors(range(300)), attribute_names())
    save_embedding(embedding, tmp_path / "g.embedding.safetensors")
    FaceReader(AttributeRegressor({name: torch.zeros(2) for name in SCALE_LABELS}).eval()).save(
        tmp_path / "g.reader.safetensors"
    )
    return tmp_path / "g.safetensors"


def test_directions_are_made_and_measured(
    known: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["heads", "directions", "--generator", str(known), "--count", "400"])
    file = known.with_name("g.directions.safetensors")
    assert f"wrote {file}" in capsys.readouterr().out
    assert load_directions(file).made_with == {"heads": 400, "first_seed": 0, "held": ["african", "asian"]}
    options = ["--generator", str(known), "--directions", str(file), "--judged", "2", "--heads", str(finished_run)]
    main(["heads", "edits", *options, "--output-dir", str(tmp_path / "edits")])
    assert "## smile" in capsys.readouterr().out
    record = json.loads((tmp_path / "edits" / "edits.json").read_text())
    assert len(record["rows"]) == 35 and (tmp_path / "edits" / "age.png").is_file()
    main(["edit", str(finished_run), "--directions", str(file), "--age", "1", "--output-dir", str(tmp_path / "one")])
    assert json.loads((tmp_path / "one" / "edit.json").read_text())["strengths"] == {"age": 1.0}


def test_the_shipped_directions_change_one_label_by_a_standard_deviation() -> None:
    generator = load_generator("makehuman128-64")
    embedding, found = load_embedding(embedding_file("makehuman128-64")), find_directions(generator)
    assert found is not None
    spread = {name: float(values.std()) for name, values in face_values(drawn_vectors(range(2000))).items()}
    w = embedding.latents(drawn_vectors([900_000]))
    before = face_values(embedding.attributes(w))
    for name, direction in found.directions.items():
        after = face_values(embedding.attributes(w + direction.offset(generator.num_ws)[:1]))
        for label in spread:
            change = float(after[label] - before[label]) / spread[label]
            assert change == pytest.approx(float(label == name), abs=0.06), (name, label)
