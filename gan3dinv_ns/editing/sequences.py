"""Latents that change over the frames of a video."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gan3dinv_ns.editing.directions import Direction, Edit, apply_edits
from gan3dinv_ns.editing.domain import Domain
from gan3dinv_ns.eg3d import Generator


def swung(ws: Tensor, direction: Direction, strength: float, count: int) -> Tensor:
    """Latents ``[count, num_ws, w_dim]`` that go along a direction from -strength to strength and back.

    Latent k of n has the strength -s cos(2 pi k / n), so that the last one leads on to the first.

    Args:
        ws: of the head, ``[1, num_ws, w_dim]``.
        direction: of the generator.
        strength: s, in the direction's units; below 0 it begins at the other end.
        count: n.

    Raises:
        ValueError: the direction does not fit the latents, or the strength is not finite.
    """
    widest = apply_edits(ws, [Edit(direction, strength)]) - ws
    phases = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    return ws - phases.cos().to(ws)[:, None, None] * widest


def complaints_at_ends(generator: Generator, ws: Tensor, direction: Direction, strength: float) -> Sequence[str]:
    """What lies outside of the generator's domain at both ends of :func:`swung`; nothing if all is well."""
    domain = Domain.of(generator)
    ends = [Edit(direction, -strength), Edit(direction, strength)]
    return [text for end in ends for text in domain.complaints(ws, apply_edits(ws, [end]), [end])]
