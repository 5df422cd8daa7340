"""Recipes: YAML files that name only what differs from the defaults of a (nested) dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")

_PACKAGE = Path(__file__).parents[1]


def recipe_path(file: str) -> Path:
    """A file of `configs/`: beside the package in a checkout, inside it once installed."""
    beside = _PACKAGE.parent / "configs" / file
    return beside if beside.is_file() else _PACKAGE / "configs" / file


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The content of a YAML file; nothing in it is executed.

    Raises:
        ValueError: no such file, no YAML, or not a mapping of names to values.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"recipe {path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"recipe {path}: not a YAML file ({str(error).splitlines()[0]})") from error
    if not isinstance(content, dict):
        raise ValueError(f"recipe {path}: must be a mapping of names to values")
    return content


def apply_recipe(defaults: T, recipe: Mapping[str, Any], inside: str = "") -> T:
    """A copy of a dataclass with a recipe's values; nested mappings go into nested dataclasses.

    Args:
        defaults: a dataclass instance, frozen or not; left as it is.
        recipe: names to values.
        inside: dotted name of ``defaults``, for messages.

    Raises:
        ValueError: an unknown name, or a value of another kind than the default.
    """
    known = {field.name for field in dataclasses.fields(defaults)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {}
    for name, value in recipe.items():
        dotted = f"{inside}.{name}" if inside else str(name)
        if name not in known:
            raise ValueError(f"recipe key {dotted}: unknown; known are {', '.join(sorted(known))}")
        default = getattr(defaults, name)
        if dataclasses.is_dataclass(default) and isinstance(value, Mapping):
            changes[name] = apply_recipe(default, value, dotted)
        else:
            changes[name] = _converted(value, default, dotted)
    return dataclasses.replace(defaults, **changes)  # type: ignore[type-var]


def _converted(value: Any, default: Any, dotted: str) -> Any:
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is not None and type(value) is not type(default):
        raise ValueError(f"recipe key {dotted}: {value!r} must be of type {type(default).__name__}")
    return value
