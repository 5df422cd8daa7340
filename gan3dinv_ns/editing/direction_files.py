"""Directions in files: foreign ones as tensors in .npy, .pt and .safetensors. Nothing in a file is ever executed.

What fits a generator with latents of ``w_dim`` numbers in ``num_ws`` layers:

- ``[w_dim]`` or ``[1, w_dim]``: one direction for all layers (InterFaceGAN's boundaries);
- ``[num_ws, w_dim]``: one direction, with a part for each layer;
- ``[k, w_dim]``, or ``[k, 1, w_dim]`` as GANSpace stores them: k directions, of which one is chosen by its number.

A .pt or .safetensors may hold several tensors by name, of which one is chosen by its name. GANSpace's pairs of
components and deviations (``comp`` and ``std``, or ``lat_comp`` and ``lat_stdev``) belong together: a strength of 1 is
one standard deviation there. Otherwise the step of strength 1 is the tensor as it stands in the file.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gan3dinv_ns.editing.directions import Direction

ENDINGS = (".npy", ".pt", ".safetensors")
_COMPONENTS = (("comp", "std"), ("lat_comp", "lat_stdev"))
_SEVERAL = 2


@dataclass(frozen=True)
class LatentShape:
    """What a generator takes: ``num_ws`` latents of ``w_dim`` numbers."""

    num_ws: int
    w_dim: int

    @property
    def fitting(self) -> str:
        """The shapes that fit, for messages."""
        one = f"({self.w_dim},), (1, {self.w_dim}), ({self.num_ws}, {self.w_dim})"
        return f"a direction of this generator is {one}, or (k, {self.w_dim}) with a number chosen as in FILE[3]"


def read_direction(
    path: str | Path, shape: LatentShape, chosen: str | None = None, layers: tuple[int, int] | None = None
) -> Direction:
    """A direction from a file.

    Args:
        path: a .npy, .pt or .safetensors.
        shape: of the generator's latents.
        chosen: number of a direction among several, or name of a tensor among several.
        layers: first and last one that it moves, inclusive; None for all.

    Returns:
        the direction, named after the file and what was chosen from it.

    Raises:
        ValueError: one line naming the file: it is missing, damaged, of another kind, has a wrong shape, or holds
            several directions of which none is chosen.
    """
    path = Path(path).expanduser()
    step = _choose(path, _read(path), shape, chosen)
    name = path.stem if chosen is None else f"{path.stem}-{chosen}"
    first, last = layers or (0, shape.num_ws - 1)
    try:
        return Direction.along(name, step, first, last)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; the only one of a file without names has the name ""."""
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path}: directions are read from {', '.join(ENDINGS)} files")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        if path.suffix == ".npy":
            found: object = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
        elif path.suffix == ".pt":
            found = torch.load(path, map_location="cpu", weights_only=True)
        else:
            found = load_file(path)
    except (pickle.UnpicklingError, AttributeError) as error:
        raise ValueError(
            f"{path}: holds more than tensors, and none of it was executed; save the direction as a plain tensor"
        ) from error
    except (ValueError, TypeError, RuntimeError, OSError, EOFError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: not a complete {path.suffix} file of tensors ({reason})") from error
    tensors = found if isinstance(found, dict) else {"": found}
    kept = {str(name): value.float() for name, value in tensors.items() if isinstance(value, Tensor)}
    if not kept:
        raise ValueError(f"{path}: holds no tensor; save the direction as one")
    return kept


def _choose(path: Path, tensors: dict[str, Tensor], shape: LatentShape, chosen: str | None) -> Tensor:
    """The step ``[w_dim]`` or ``[num_ws, w_dim]`` that is meant."""
    for components, deviations in _COMPONENTS:
        if components in tensors and deviations in tensors:
            rows = _without_middle(tensors[components])
            scale = tensors[deviations].flatten()
            if rows.ndim != 2 or len(scale) != len(rows):
                raise ValueError(
                    f"{path}: {len(scale)} deviations do not fit components of shape {_text(tensors[components])}"
                )
            return _row(path, rows * scale[:, None], shape, chosen)
    if chosen in tensors:
        return _row(path, tensors[chosen], shape, None)
    if len(tensors) > 1:
        raise ValueError(f"{path}: holds several tensors; choose one as in FILE[{next(iter(tensors))}]")
    return _row(path, next(iter(tensors.values())), shape, chosen)


def _row(path: Path, tensor: Tensor, shape: LatentShape, chosen: str | None) -> Tensor:
    whole, tensor = _text(tensor), _without_middle(tensor)
    if tensor.ndim == _SEVERAL + 1 and len(tensor) == 1:
        tensor = tensor[0]
    if tensor.ndim == 0 or tensor.ndim > _SEVERAL or tensor.shape[-1] != shape.w_dim or not tensor.numel():
        raise ValueError(f"{path}: shape {whole} does not fit; {shape.fitting}")
    rows = tensor.reshape(-1, shape.w_dim)
    if chosen is not None:
        if not chosen.isdecimal() or int(chosen) >= len(rows):
            raise ValueError(f"{path}: has no direction {chosen!r}; give a number from 0 to {len(rows) - 1}")
        return rows[int(chosen)]
    if len(rows) == 1:
        return rows[0]
    if len(rows) != shape.num_ws:
        raise ValueError(f"{path}: holds {len(rows)} directions, shape {whole}; choose one as in FILE[0]")
    return rows


def _without_middle(tensor: Tensor) -> Tensor:
    """GANSpace's ``[k, 1, w_dim]`` as ``[k, w_dim]``."""
    return tensor[:, 0] if tensor.ndim == _SEVERAL + 1 and tensor.shape[1] == 1 else tensor


def _text(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
