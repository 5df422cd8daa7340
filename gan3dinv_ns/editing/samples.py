"""Latents that directions are found among, and that edits are compared with."""

from __future__ import annotations

from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.latent_samples import mapped_latents
from gan3dinv_ns.photo.mean_head import front_label


def mapped_samples(generator: Generator, count: int, seed: int = 0) -> Tensor:
    """Latents ``[count, w_dim]`` of normal z, seen from the front, without truncation; the same for the same seed.

    Raises:
        ValueError: fewer than two are asked for.
    """
    if count < 2:
        raise ValueError(f"{count} samples of the generator are too few; give 2 or more, 10000 are usual")
    return mapped_latents(generator, front_label(generator), count, seed)
