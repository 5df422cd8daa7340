"""Recipes in YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gan3dinv_ns.ops.recipes import apply_recipe, read_recipe


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    steps: int = 5
    samples: tuple[int, int] = (1, 2)


@dataclass
class Outer:
    name: str = "a"
    inner: Inner = field(default_factory=Inner)


def test_only_what_is_named_changes() -> None:
    defaults = Outer()
    changed = apply_recipe(defaults, {"inner": {"rate": 1, "samples": [3, 4]}})
    assert changed == Outer("a", Inner(1.0, 5, (3, 4)))
    assert defaults == Outer()


def test_unknown_names_are_refused_with_their_path() -> None:
    with pytest.raises(ValueError, match=r"inner\.speed: unknown; known are rate, samples, steps"):
        apply_recipe(Outer(), {"inner": {"speed": 1}})


@pytest.mark.parametrize("value", ["three", 2.5, True])
def test_values_of_another_kind_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"inner\.steps"):
        apply_recipe(Outer(), {"inner": {"steps": value}})


def test_nothing_in_a_recipe_is_executed(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("!!python/object/apply:os.system ['touch executed']")
    with pytest.raises(ValueError, match="not a YAML file"):
        read_recipe(path)


def test_a_missing_recipe_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")
