"""Names of the networks that ship inside the package."""

from __future__ import annotations

from pathlib import Path

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"

REGISTERED = ("makehuman128-64",)


def network_file(source: str | Path, role: str) -> Path:
    """Where the network that plays a role beside a generator is, or would be.

    Args:
        source: what the generator was loaded from: one of `REGISTERED`, or NAME.safetensors or NAME.pkl, beside which
            NAME.ROLE.safetensors may lie; a published .pkl holds its discriminator itself.
        role: "generator", "discriminator", "embedding", "encoder", "pose" or "pose-roll".
    """
    path = WEIGHTS / f"{source}.safetensors" if str(source) in REGISTERED else Path(source)
    itself = role == "generator" or (role == "discriminator" and path.suffix == ".pkl")
    return path if itself else path.with_suffix(f".{role}.safetensors")


def registered_file(name: str, role: str) -> Path:
    """The file of a registered network.

    Args:
        name: one of `REGISTERED`.
        role: "generator" or "discriminator".

    Raises:
        ValueError: its file is not there.
    """
    path = network_file(name, role)
    if not path.is_file():
        raise ValueError(f"{name}: the {role}'s weights are missing at {path}; install the package anew")
    return path
