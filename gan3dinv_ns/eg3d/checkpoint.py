"""Generator and discriminator in files: .safetensors, and the published .pkl layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.config import DiscriminatorConfig, GeneratorConfig
from gan3dinv_ns.eg3d.discriminator import Discriminator
from gan3dinv_ns.eg3d.downloaded import ensure_downloaded
from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.eg3d.published import read_published
from gan3dinv_ns.eg3d.registry import KINDS, REGISTERED, is_downloaded, network_file, registered_file
from gan3dinv_ns.eg3d.triplanes import PlaneAxes
from gan3dinv_ns.ops.network_files import build_network, read_network_file, write_network_file


def load_generator(
    source: str | Path, device: str | torch.device = "cpu", plane_axes: PlaneAxes | None = None
) -> Generator:
    """A generator in evaluation mode, float32.

    Args:
        source: a .safetensors file with its configuration in the metadata, a .pkl file of the published layout (its
            "G_ema"), a registered name such as "makehuman128-64", or a published name or a URL, which is downloaded if
            it is not on this machine yet.
        device: where its tensors go.
        plane_axes: overrides how the third plane is read; None keeps what the file says ("eg3d" for a .pkl).

    Raises:
        ValueError: the file is missing, truncated, of another kind, does not fit its configuration, or cannot be
            downloaded.
        FileWriteError: there is no room for a download.
    """
    path, config, state = _read(source, "generator")
    generator = build_network(path, Generator, GeneratorConfig, config, state)
    if plane_axes is not None:
        generator.set_rendering(plane_axes=plane_axes)
    return generator.to(device)


def load_discriminator(source: str | Path, device: str | torch.device = "cpu") -> Discriminator:
    """A discriminator in evaluation mode, float32, from the sources of `load_generator` (a .pkl's "D")."""
    path, config, state = _read(source, "discriminator")
    return build_network(path, Discriminator, DiscriminatorConfig, config, state).to(device)


def save_generator(generator: Generator, path: str | Path, half: bool = False) -> None:
    """Write a .safetensors file, whole or not at all; `half` stores float16, in half the space."""
    _write("generator", generator, path, half)


def save_discriminator(discriminator: Discriminator, path: str | Path, half: bool = False) -> None:
    """Write a .safetensors file, whole or not at all; `half` stores float16, in half the space."""
    _write("discriminator", discriminator, path, half)


def _write(role: str, network: Generator | Discriminator, path: str | Path, half: bool) -> None:
    dtype = torch.float16 if half else torch.float32
    state = {key: value.detach().cpu().to(dtype).contiguous() for key, value in network.state_dict().items()}
    write_network_file(path, role, network.config.to_dict(), state)


def _read(source: str | Path, role: str) -> tuple[Path, dict[str, Any], dict[str, Tensor]]:
    """Path, configuration and state of the network that plays the role."""
    path = _local_file(source, role)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; give {KINDS}")
    if path.suffix == ".safetensors":
        return path, *read_network_file(path, role)
    if path.suffix == ".pkl":
        return path, *read_published(path, role)
    raise ValueError(f"{path}: must be a .pkl or a .safetensors file")


def _local_file(source: str | Path, role: str) -> Path:
    """The file that a source stands for, downloaded if need be; a path stands for itself, whatever the role."""
    if str(source) in REGISTERED:
        return registered_file(str(source), role)
    if is_downloaded(source):
        ensure_downloaded(str(source))
        return network_file(source, role)
    return Path(source)
