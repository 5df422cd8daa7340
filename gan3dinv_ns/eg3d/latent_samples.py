"""Latents as a generator's mapping network draws them."""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.generator import Generator

_BATCH = 4096


@torch.no_grad()
def mapped_latents(generator: Generator, label: Tensor, count: int, seed: int) -> Tensor:
    """Latents ``[count, w_dim]`` of normal z without truncation; the same for the same seed.

    Args:
        label: ``[1, 25]`` the camera that the mapping is conditioned on.
        count: at least 1.
        seed: of z.
    """
    source = torch.Generator().manual_seed(seed)
    drawn = []
    for begin in range(0, count, _BATCH):
        z = torch.randn(min(_BATCH, count - begin), generator.z_dim, generator=source).to(label)
        drawn.append(generator.mapping(z, label.expand(len(z), -1))[:, 0])
    return torch.cat(drawn)
