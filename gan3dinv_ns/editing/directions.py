"""A direction in W and its application: ws + strength * unit * direction in the direction's layers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

EDITS_FOLDER = "edits"
"""The folder of a run that holds what was edited."""

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Direction:
    """A direction in the latents of some layers.

    Attributes:
        name: for options, captions and messages.
        vector: ``[w_dim]``, the same in every layer of the range, or ``[num_ws, w_dim]``, one for each layer of the
            generator; its norm is 1.
        first, last: layers that it moves, both inclusive, counted from 0.
        unit: how far in W a strength of 1 leads; of both signs by the strength, so it is positive.
    """

    name: str
    vector: Tensor
    first: int
    last: int
    unit: float

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(f"direction {self.name}: layers {self.first}-{self.last} are no range; give FIRST-LAST")

    @classmethod
    def along(cls, name: str, step: Tensor, first: int, last: int, strength: float = 1.0) -> Direction:
        """The direction of a step, ``[w_dim]`` or ``[num_ws, w_dim]``, whose strength 1 is ``strength`` such steps.

        Raises:
            ValueError: the step is zero or not finite, or the layers are no range.
        """
        length = float(step.double().norm())
        if not math.isfinite(length) or length == 0 or not strength > 0:
            raise ValueError(f"direction {name}: leads nowhere (a step of length {length * strength:g})")
        return cls(name, (step.double() / length).float(), first, last, length * strength)

    def offset(self, num_ws: int) -> Tensor:
        """What a strength of 1 adds to the latents of all layers, ``[num_ws, w_dim]``; zero outside of its own.

        Raises:
            ValueError: the generator has fewer layers, or others than the direction was made for.
        """
        if self.last >= num_ws:
            raise ValueError(
                f"direction {self.name}: layers {self.first}-{self.last} do not fit a generator of {num_ws} layers; "
                f"give a range within 0-{num_ws - 1}"
            )
        if self.vector.ndim == 2 and len(self.vector) != num_ws:
            raise ValueError(f"direction {self.name}: is for {len(self.vector)} layers, the generator has {num_ws}")
        layers = torch.zeros(num_ws, self.vector.shape[-1], device=self.vector.device)
        chosen = slice(self.first, self.last + 1)
        layers[chosen] = self.unit * (self.vector[chosen] if self.vector.ndim == 2 else self.vector)
        return layers


@dataclass(frozen=True)
class Edit:
    """A direction and how far to follow it, in its units; 0 changes nothing."""

    direction: Direction
    strength: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.strength):
            raise ValueError(f"direction {self.direction.name}: strength {self.strength} is no finite number")


def apply_edits(ws: Tensor, edits: Sequence[Edit]) -> Tensor:
    """Edited latents, of the same shape as ``ws`` ``[N, num_ws, w_dim]``; edits add up, in any order.

    Raises:
        ValueError: a direction does not fit the layers or the width of the latents.
    """
    edited = ws
    for edit in edits:
        offset = edit.direction.offset(ws.shape[1]).to(ws)
        if offset.shape[1] != ws.shape[2]:
            raise ValueError(
                f"direction {edit.direction.name}: has {offset.shape[1]} numbers, the latent has {ws.shape[2]}"
            )
        edited = edited + edit.strength * offset
    return edited


def name_of_edits(edits: Sequence[Edit]) -> str:
    """A folder's name that tells the edits, such as smile+1.5_age-2."""
    told = "_".join(f"{edit.direction.name}{edit.strength:+g}" for edit in edits)
    return re.sub(r"[^\w.+-]", "-", told)[:_LONGEST_NAME] or "unedited"
