"""Published weights of other people's networks: tensors by name, from files in which nothing is ever executed."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

_INNER = "state_dict"


@dataclass(frozen=True)
class Weights:
    """What a file holds.

    Attributes:
        tensors: by their published names.
        wrapped: whether they lay under "state_dict", as training scripts keep them, and not alone in the file.
    """

    tensors: dict[str, Tensor]
    wrapped: bool


def read_weights(path: Path, kind: str) -> Weights:
    """Tensors of a .pth, .pt or .safetensors file, on the CPU.

    Args:
        path: the file.
        kind: what it should hold, such as "a network of face recognition"; for the message where there is no file.

    Raises:
        ValueError: the file is missing, damaged, or holds something else than tensors by name; one line.
    """
    try:
        if path.suffix == ".safetensors":
            return Weights(load_file(path), False)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; give the weights of {kind}") from error
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: cannot be read as tensors ({' '.join(str(error).split())[:120]})") from error
    wrapped = isinstance(content, dict) and isinstance(content.get(_INNER), dict)
    state = content[_INNER] if wrapped else content
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise ValueError(f"{path}: holds something else than tensors by name")
    return Weights(dict(state), wrapped)
