"""Claims about edits that are asked for in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gan3dinv_ns.editing.directions import Direction
from gan3dinv_ns.editing.named_directions import write_directions
from gan3dinv_ns.editing.requests import EditableGenerator, EditRequest
from gan3dinv_ns.eg3d import Generator, load_generator


@pytest.fixture(scope="module")
def tiny(tiny_generator_file: Path) -> Generator:
    return load_generator(tiny_generator_file)


def _edits(generator: Generator, **request) -> list[tuple[str, float, int, int]]:
    edits = EditableGenerator(generator, EditRequest(**{"samples": 50} | request)).edits
    return [(one.direction.name, one.strength, one.direction.first, one.direction.last) for one in edits]


def test_everything_asked_for_comes_in_turn(tiny: Generator, tmp_path: Path) -> None:
    last = tiny.num_ws - 1
    np.save(tmp_path / "a:b.npy", np.ones((3, 512), np.float32))
    write_directions(tmp_path / "d.safetensors", [Direction.along("age", torch.ones(512), 0, last)], tiny, {})
    found = _edits(
        tiny,
        attributes={"age": -2.0, "smile": 0.0},
        directions=tmp_path / "d.safetensors",
        presets=["short-hair:.5"],
        components=["0:-1.5", "3:2:1-4", "4:0"],
        files=[f"{tmp_path}/a:b.npy[1]:1e-1:2-2"],
    )
    assert found == [
        ("age", -2.0, 0, last),
        ("short-hair", 0.5, 0, 5),
        ("component-0", -1.5, 0, last),
        ("component-3", 2.0, 1, 4),
        ("a:b-1", 0.1, 2, 2),
    ]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"attributes": {"age": 1.0}}, "no named directions; give --directions FILE .* --preset NAME:STRENGTH"),
        ({"components": ["3"]}, "--component 3: cannot be understood; give NUMBER:STRENGTH"),
        ({"components": ["3:x"]}, "cannot be understood"),
        ({"components": ["a:1"]}, "a is no number of a component"),
        ({"components": ["49:1"]}, "component 49 does not exist; give 0 to 48"),
        ({"components": ["1:1", "1:2"]}, "component-1 is asked for 2 times"),
        ({"presets": ["beard:1"]}, "preset 'beard' does not exist"),
        ({"files": ["no.npy:1"]}, "no.npy: no such file"),
        ({"files": ["direction.npy"]}, "--direction direction.npy: cannot be understood"),
    ],
)
def test_what_cannot_be_had_is_one_line(tiny: Generator, request_: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        _edits(tiny, **request_)
    assert "\n" not in str(error.value)


def test_directions_are_found_by_name(tmp_path: Path) -> None:
    shipped = EditableGenerator(load_generator("makehuman128-64"), EditRequest())
    assert shipped.edits == [] and shipped.named("smile").name == "smile"
    with pytest.raises(ValueError, match="direction 'nose' does not exist; known are age, gender"):
        shipped.named("nose")
