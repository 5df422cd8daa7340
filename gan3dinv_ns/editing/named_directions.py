"""The named directions of one generator in a small file, NAME.directions.safetensors beside it.

Tensors: ``vectors`` ``[A, w_dim]`` of norm 1, ``units`` ``[A]``, and ``mean`` ``[w_dim]``, the generator's mean latent,
by which a head tells whose it is: tuning for a photo leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan3dinv_ns.editing.directions import Direction
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.registry import REGISTERED, network_file
from gan3dinv_ns.ops.network_files import read_network_file, write_network_file

ROLE = "directions"
_SAME_MEAN = 0.01
"""Mean latents that differ by less than this share of their length are the same; heads store them in float16."""


@dataclass(frozen=True)
class NamedDirections:
    """Directions of one generator.

    Attributes:
        directions: by name.
        mean: ``[w_dim]``, the generator's mean latent.
        made_with: how they were found; plain data.
    """

    directions: dict[str, Direction]
    mean: Tensor
    made_with: dict[str, Any]

    def belong_to(self, generator: Generator) -> bool:
        """Whether the generator, tuned or not, is the one that they were found in."""
        mean = generator.backbone.mapping.w_avg.detach().cpu()
        if mean.shape != self.mean.shape or any(one.last >= generator.num_ws for one in self.directions.values()):
            return False
        return float((mean - self.mean).norm()) <= _SAME_MEAN * float(self.mean.norm())


def directions_file(generator: str | Path) -> Path:
    """Where the directions of a generator (a name, a URL or its file) are, or would be: beside it."""
    return network_file(generator, ROLE)


def write_directions(
    path: Path, directions: Sequence[Direction], generator: Generator, made_with: dict[str, Any]
) -> None:
    """Write directions that are the same in every layer of their range, whole or not at all.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    config = {
        "names": [one.name for one in directions],
        "layers": [[one.first, one.last] for one in directions],
        "made_with": made_with,
    }
    state = {
        "vectors": torch.stack([one.vector for one in directions]).float().contiguous(),
        "units": torch.tensor([one.unit for one in directions]),
        "mean": generator.backbone.mapping.w_avg.detach().cpu().float().contiguous(),
    }
    write_network_file(path, ROLE, config, state)


def load_directions(path: str | Path) -> NamedDirections:
    """Read what :func:`write_directions` wrote.

    Raises:
        ValueError: the file is missing, damaged or of another kind; one line.
    """
    config, state = read_network_file(path, ROLE)
    try:
        found = {
            name: Direction(name, vector, first, last, unit)
            for name, (first, last), vector, unit in zip(
                config["names"], config["layers"], state["vectors"], state["units"].tolist(), strict=True
            )
        }
        return NamedDirections(found, state["mean"], config["made_with"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not the directions of a generator ({error})") from error


def find_directions(generator: Generator, path: str | Path | None = None) -> NamedDirections | None:
    """The named directions of a generator, tuned or not.

    Args:
        path: their file; None looks among those that ship.

    Returns:
        None if no file is given, and none of those that ship belong to this generator.

    Raises:
        ValueError: the file that is given is damaged, or belongs to another generator; one line.
    """
    if path is not None:
        given = load_directions(path)
        if not given.belong_to(generator):
            raise ValueError(f"{path}: holds directions of another generator than this head's (mean latents differ)")
        return given
    for name in REGISTERED:
        shipped = directions_file(name)
        if shipped.is_file() and (found := load_directions(shipped)).belong_to(generator):
            return found
    return None
