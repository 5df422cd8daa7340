"""What a generator is called, and where its networks' files are: names, URLs and paths, resolved in this one place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import torch

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"

REGISTERED = ("makehuman128-64",)
"""Networks that ship inside the package."""

PUBLISHED = (
    "ffhqrebalanced512-128",
    "ffhqrebalanced512-64",
    "ffhq512-128",
    "ffhq512-64",
    "afhqcats512-128",
    "shapenetcars128-64",
)
"""Checkpoints that NVIDIA publishes with EG3D; downloaded where they are first asked for."""

PUBLISHED_FOLDER = "https://api.ngc.nvidia.com/v2/models/nvidia/research/eg3d/versions/1/files"

ENDINGS = (".pkl", ".safetensors")

KINDS = f"a .pkl, a .safetensors, a URL of one, or a name ({', '.join((*REGISTERED, *PUBLISHED))})"
"""What a generator can be given as, for messages."""


def is_url(source: str | Path) -> bool:
    """Whether a generator is given by its address on the web."""
    return str(source).startswith(("http://", "https://"))


def is_downloaded(source: str | Path) -> bool:
    """Whether a generator is given by a published name or a URL."""
    return is_url(source) or str(source) in PUBLISHED


def download_folder() -> Path:
    """Where downloaded networks lie: torch's hub folder, which TORCH_HOME moves."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def source_url(source: str) -> str:
    """The address of a generator that `is_downloaded`."""
    return source if is_url(source) else f"{PUBLISHED_FOLDER}/{source}.pkl"


def source_file(source: str) -> Path:
    """Where the file of a generator that `is_downloaded` comes to, in the format in which it is on the web.

    Files of other addresses may have the same names, so their names also hold eight digits of the address's digest.

    Raises:
        ValueError: the address is none of a .pkl or .safetensors file.
    """
    if not is_url(source):
        return download_folder() / f"{source}.pkl"
    name = Path(unquote(urlsplit(source).path)).name
    stem, ending = Path(name).stem, Path(name).suffix
    if ending not in ENDINGS or not stem:
        raise ValueError(f"generator {source}: must be the URL of a .pkl or a .safetensors file")
    return download_folder() / f"{stem}-{hashlib.sha256(source.encode()).hexdigest()[:8]}{ending}"


def network_file(source: str | Path, role: str) -> Path:
    """Where the network that plays a role beside a generator is, or would be; nothing is downloaded.

    Args:
        source: what the generator was loaded from: one of `REGISTERED` or `PUBLISHED`, a URL, or NAME.safetensors or
            NAME.pkl, beside which NAME.ROLE.safetensors may lie; a .pkl that was not downloaded holds its
            discriminator itself.
        role: "generator", "discriminator", "embedding", "encoder", "pose", "pose-roll" or "reader".

    Raises:
        ValueError: a URL is none of a .pkl or .safetensors file.
    """
    if str(source) in REGISTERED:
        path = WEIGHTS / f"{source}.safetensors"
    elif is_downloaded(source):
        path = source_file(str(source)).with_suffix(".safetensors")
    else:
        path = Path(source)
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
