"""Networks in .safetensors files: tensors, and in the metadata the network's role and configuration as JSON.

Nothing in a file is ever executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gan3dinv_ns.ops.atomic_files import atomic_path


def write_network_file(path: str | Path, role: str, config: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Write a file, whole or not at all.

    Args:
        path: NAME.safetensors.
        role: what the network is, such as "generator"; a reader asks for it.
        config: what the network is built from; JSON values.
        state: its tensors.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata={"config": json.dumps({"role": role, **config})})


def read_network_file(path: str | Path, role: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and tensors of a network of that role.

    Raises:
        ValueError: the file is missing, truncated, without configuration, or of another role.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: not a complete safetensors file ({error})") from error
    try:
        config = json.loads(metadata["config"])
        found = config.pop("role")
    except (KeyError, AttributeError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: holds tensors but no network configuration in its metadata") from error
    if found != role:
        raise ValueError(f"{path}: holds {found}, not {role}")
    return config, state


def build_network(path: str | Path, network_type: Any, config_type: Any, config: dict[str, Any], state: dict) -> Any:
    """The network that a file holds, in evaluation mode; the random numbers to come stay what they were.

    Args:
        path: the file, named in errors.
        network_type: built from a ``config_type``, which has ``from_dict``.
        config, state: of :func:`read_network_file`.

    Raises:
        ValueError: the configuration is not one of this type, or the tensors do not fit it.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            network = network_type(config_type.from_dict(config))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ValueError(f"{path}: {error}") from error
    fill_network(path, network, state)
    return network.eval()


def fill_network(path: str | Path, network: nn.Module, state: dict[str, Tensor], assign: bool = False) -> None:
    """Give a network the tensors that a file holds.

    Args:
        path: the file, named in errors.
        network: takes the tensors, in its own precision.
        state: every tensor of the network, and no other.
        assign: the network takes these very tensors, as it has none yet (it was made on the device "meta").

    Raises:
        ValueError: tensors are missing, do not belong to the network, or have other shapes.
    """
    expected = network.state_dict()
    missing = sorted(set(expected) - set(state))
    if missing:
        raise ValueError(f"{path}: {len(missing)} tensors are missing, first {missing[0]}")
    surplus = sorted(set(state) - set(expected))
    if surplus:
        raise ValueError(f"{path}: {len(surplus)} tensors do not belong to the network, first {surplus[0]}")
    for key, value in expected.items():
        if state[key].shape != value.shape:
            shapes = f"{tuple(state[key].shape)}, must be {tuple(value.shape)}"
            raise ValueError(f"{path}: tensor {key} has shape {shapes}")
    network.load_state_dict(state, assign=assign)
