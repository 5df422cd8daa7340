"""Claims about the directions that belong to a generator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.editing.directions import Direction
from gan3dinv_ns.editing.named_directions import (
    directions_file,
    find_directions,
    load_directions,
    write_directions,
)
from gan3dinv_ns.eg3d import Generator, load_generator, save_generator


@pytest.fixture
def tiny(tiny_generator_file: Path) -> Generator:
    generator = load_generator(tiny_generator_file)
    generator.backbone.mapping.w_avg.copy_(torch.randn(generator.w_dim, generator=torch.Generator().manual_seed(0)))
    return generator


@pytest.fixture
def file(tiny: Generator, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.directions.safetensors"
    write_directions(path, [Direction.along("age", torch.arange(512.0), 1, 3)], tiny, {"heads": 7})
    return path


def test_directions_come_back_as_they_were_written(file: Path) -> None:
    found = load_directions(file)
    torch.testing.assert_close(found.directions["age"].offset(6)[2], torch.arange(512.0))
    assert (found.directions["age"].first, found.directions["age"].last) == (1, 3) and found.made_with == {"heads": 7}


def test_a_tuned_generator_keeps_its_directions(tiny: Generator, file: Path) -> None:
    tiny.half().float()
    for weight in tiny.decoder.parameters():
        weight.data += 1
    found = find_directions(tiny, file)
    assert found is not None and list(found.directions) == ["age"]


def test_those_of_another_generator_are_refused(tiny_generator_file: Path, file: Path) -> None:
    with pytest.raises(ValueError, match="of another generator") as error:
        find_directions(load_generator(tiny_generator_file), file)
    assert "\n" not in str(error.value)


def test_what_holds_no_directions_is_one_line(tiny: Generator, tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_generator(tiny, path)
    with pytest.raises(ValueError, match="holds generator, not directions"):
        load_directions(path)


def test_the_shipped_ones_belong_to_the_shipped_generator_alone(tiny: Generator) -> None:
    found = find_directions(load_generator("makehuman128-64"))
    assert found is not None
    assert list(found.directions) == ["age", "gender", "smile", "hair-length", "skin-tone"]
    assert directions_file("makehuman128-64").stat().st_size < 50_000
    assert find_directions(tiny) is None
