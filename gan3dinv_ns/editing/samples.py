"""Latents as a generator's mapping network draws them."""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.photo.mean_head import front_label

_BATCH = 1024


@torch.no_grad()
def mapped_samples(generator: Generator, count: int, seed: int = 0) -> Tensor:
    """Latents ``[count, w_dim]`` of normal z, seen from the front, without truncation; the same for the same seed.

    Raises:
        ValueError: fewer than two are asked for.
    """
    if count < 2:
        raise ValueError(f"{count} samples of the generator are too few; give 2 or more, 10000 are usual")
    label = front_label(generator)
    random = torch.Generator().manual_seed(seed)
    drawn = []
    for begin in range(0, count, _BATCH):
        z = torch.randn(min(_BATCH, count - begin), generator.z_dim, generator=random).to(label)
        drawn.append(generator.mapping(z, label.expand(len(z), -1))[:, 0])
    return torch.cat(drawn)
