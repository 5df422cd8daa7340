"""Drawn heads on the labelled scale, with the latents that they have in a generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gan3dinv_ns.heads.attributes import attribute_names, attribute_vector, draw_attributes
from gan3dinv_ns.heads.embedding import embedding_file, load_embedding
from gan3dinv_ns.heads.face_scale import face_values


def drawn_vectors(seeds: Sequence[int]) -> Tensor:
    """Attribute vectors ``[N, K]`` of the heads of seeds; less than a millisecond each."""
    return torch.from_numpy(np.stack([attribute_vector(draw_attributes(seed)) for seed in seeds]))


def labelled_latents(generator: str, seeds: Sequence[int]) -> tuple[Tensor, dict[str, Tensor]]:
    """Latents ``[N, w_dim]`` of drawn heads in a generator, and their values ``[N]`` on the labelled scale.

    Args:
        generator: a registered name, or a file with its embedding beside it.

    Raises:
        ValueError: the embedding is missing or damaged, or of other attributes than today's.
    """
    path = embedding_file(generator)
    embedding, vectors = load_embedding(path), drawn_vectors(seeds)
    if len(embedding.mean) != len(attribute_names()):
        raise ValueError(f"{path}: is of other attributes than today's; train the generator anew")
    return embedding.latents(vectors), face_values(vectors)
