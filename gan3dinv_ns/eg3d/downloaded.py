"""Generators from the web: downloaded once, and converted once to .safetensors files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gan3dinv_ns.eg3d.config import DiscriminatorConfig, GeneratorConfig
from gan3dinv_ns.eg3d.discriminator import Discriminator
from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.eg3d.published import read_published
from gan3dinv_ns.eg3d.registry import PUBLISHED, network_file, source_file, source_url
from gan3dinv_ns.ops.downloads import download_file, one_process_at_a_time
from gan3dinv_ns.ops.network_files import build_network, read_network_file, write_network_file

_LICENCE = (
    "{name} is NVIDIA's, for non-commercial research only. Its licence, which you accept by using it:\n"
    "https://github.com/NVlabs/eg3d/blob/main/LICENSE.txt"
)
_TYPES: dict[str, tuple[Any, Any]] = {
    "generator": (Generator, GeneratorConfig),
    "discriminator": (Discriminator, DiscriminatorConfig),
}


def ensure_downloaded(source: str) -> None:
    """Makes sure that the files of a generator from the web are on this machine; asks nobody if they are.

    Afterwards :func:`~gan3dinv_ns.eg3d.registry.network_file` of "generator" is there, and of "discriminator" if the
    source is a .pkl that holds a usable one. A .pkl that lies in the folder already is converted and kept; one that
    was downloaded is removed once it is converted.

    Args:
        source: a published name or a URL.

    Raises:
        ValueError: it cannot be downloaded, is no generator, or one that this package cannot build; one line.
        FileWriteError: the disk is full, or the folder cannot be written to.
    """
    converted = network_file(source, "generator")
    if converted.is_file():
        return
    with one_process_at_a_time(converted):
        if not converted.is_file():
            _download_and_convert(source, source_file(source))


def _download_and_convert(source: str, file: Path) -> None:
    if file.is_file():
        convert_published(file)
        return
    _download(source, file)
    try:
        if file.suffix == ".pkl":
            convert_published(file)
        else:
            _build(file, "generator", *read_network_file(file, "generator"))
    except ValueError as error:
        file.unlink(missing_ok=True)
        raise ValueError(f"{source_url(source)} is no generator that can be used ({error})") from error
    if file.suffix == ".pkl":
        file.unlink(missing_ok=True)


def convert_published(file: Path) -> None:
    """Writes NAME.discriminator.safetensors and then NAME.safetensors beside a published NAME.pkl.

    A discriminator that cannot be used is left out, and said to be.

    Raises:
        ValueError: the file is damaged or of another kind, or holds a generator that this package cannot build.
        FileWriteError: the disk is full, or the folder cannot be written to.
    """
    generator = _build(file, "generator", *read_published(file, "generator"))
    try:
        discriminator = _build(file, "discriminator", *read_published(file, "discriminator"))
    except ValueError as error:
        _tell(f"warning: without its discriminator: {error}")
    else:
        _save(discriminator, file, "discriminator")
    _save(generator, file, "generator")


def _download(source: str, file: Path) -> None:
    url = source_url(source)
    if source in PUBLISHED:
        _tell(_LICENCE.format(name=source))
    _tell(f"Downloading {url} to {file.parent}")
    try:
        download_file(url, file)
    except ValueError as error:
        raise ValueError(f"{error}; or get that file in another way and put it at {file}") from error


def _build(file: Path, role: str, config: dict[str, Any], state: dict[str, Any]) -> Generator | Discriminator:
    network: Generator | Discriminator = build_network(file, *_TYPES[role], config, state)
    return network


def _save(network: Generator | Discriminator, file: Path, role: str) -> None:
    path = network_file(file.with_suffix(".safetensors"), role)
    write_network_file(path, role, network.config.to_dict(), network.state_dict())


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
