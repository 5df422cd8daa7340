"""Heads on the labelled scale: drawn ones with the latents they have in a generator, and pictures as E reads them.

The latent encoder E has learned from pictures alone which latent a head has; the generator's embedding turns that into
attributes. So what is read from a picture knows nothing of the latent that the picture was rendered from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan3dinv_ns.encoders import LatentEncoder, find_initialisers
from gan3dinv_ns.heads.attributes import FACE_TARGETS, attribute_names, attribute_vector, draw_attributes
from gan3dinv_ns.heads.embedding import AttributeEmbedding, embedding_file, load_embedding
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
    vectors = drawn_vectors(seeds)
    return _embedding(generator).latents(vectors), face_values(vectors)


@dataclass(frozen=True)
class FaceReader:
    """Reads pictures.

    Attributes:
        encoder, embedding: of one generator.
    """

    encoder: LatentEncoder
    embedding: AttributeEmbedding

    @classmethod
    def of(cls, generator: str) -> FaceReader:
        """That of a generator, on the CPU.

        Raises:
            ValueError: its embedding or its latent encoder is missing or damaged.
        """
        embedding, initialisers = _embedding(generator), find_initialisers(generator)
        if initialisers is None or initialisers.encoder is None:
            raise ValueError(f"generator {generator}: has no latent encoder beside it; train one, or take another")
        return cls(initialisers.encoder, embedding)

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Values ``[N]`` by name and shapes of the face ``[N, 34]`` of pictures ``[N, 3, R, R]`` in [-1, 1].

        The shape holds the weights of all morph targets of the face, in units of their spread among drawn heads; where
        a picture does not tell one, E answers about 0.
        """
        vectors = self.embedding.attributes(self.encoder(pictures.float().cpu()))
        first = attribute_names().index(f"face:{next(iter(FACE_TARGETS))}")
        return face_values(vectors), vectors[:, first : first + len(FACE_TARGETS)]


def _embedding(generator: str) -> AttributeEmbedding:
    path = embedding_file(generator)
    embedding = load_embedding(path)
    if len(embedding.mean) != len(attribute_names()):
        raise ValueError(f"{path}: is of other attributes than today's; train the generator anew")
    return embedding
