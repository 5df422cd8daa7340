"""Names of the networks that ship inside the package."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"

REGISTERED = ("makehuman128-64",)


def registered_file(name: str, role: str) -> Path:
    """The file of a registered network.

    Args:
        name: one of `REGISTERED`.
        role: "generator" or "discriminator".

    Raises:
        ValueError: its file is not there.
    """
    suffix = ".safetensors" if role == "generator" else f".{role}.safetensors"
    path = WEIGHTS / f"{name}{suffix}"
    if not path.is_file():
        raise ValueError(f"{name}: the {role}'s weights are missing at {path}; install the package anew")
    return path
