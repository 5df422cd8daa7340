"""The recipes that methods and benchmarks are made over, by name. Importing this needs no torch."""

from __future__ import annotations

from typing import Literal, get_args

BaseName = Literal["default", "fast", "paper", "ffhq", "cats"]
"""Recipes of ``configs/``; default is none, the package's own settings."""

BASES: tuple[BaseName, ...] = get_args(BaseName)
