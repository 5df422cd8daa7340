"""Where the attributes of a head lie in the latent space W of the embedded generator.

Letters: ``a`` is a head's attribute vector (K numbers), ``u`` the same standardised to zero mean and unit variance,
``w`` the latent code. The embedding is linear, ``w = s * E u``, with ``E`` a random 512 x K matrix with orthonormal
columns and ``s = sqrt(512 / K)``: every attribute is spread over all coordinates of W, and each coordinate of ``w``
has about unit variance, which is what StyleGAN2's modulation expects at initialisation. A latent that sits in single
coordinates learns far more slowly.

The mapping network is fitted afterwards: ``u = D^T z`` with ``D`` a random rotation times the square root of the
attributes' correlations, so that a normal ``z`` gives a head with plausible attributes: as correlated as those of the
heads (red, green and blue of a skin vary together), continuous ones kept in the range seen, categorical ones snapped to
one category.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.ops.network_files import read_network_file, write_network_file

W_DIM = 512
_ROLE = "embedding"
SNAP_TEMPERATURE = 0.1


@dataclass(frozen=True)
class AttributeEmbedding:
    """The linear map from attribute vectors to latents.

    Attributes:
        mean: [K] mean of the attribute vectors.
        std: [K] their standard deviation (1 where an attribute never varies).
        low: [K] smallest standardised value seen.
        high: [K] largest standardised value seen.
        basis: [512, K] orthonormal columns.
        directions: [512, K] ``D``, the directions of z that carry the attributes.
        categories: groups of indices into K that are one-hot codes of one categorical attribute.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    basis: Tensor
    directions: Tensor
    categories: tuple[tuple[int, ...], ...]

    @classmethod
    def fit(cls, attributes: Tensor, names: list[str], seed: int = 0) -> AttributeEmbedding:
        """Standardise ``attributes`` [N, K]; names of the form ``style=value`` form one categorical attribute.

        Raises:
            ValueError: if there are more attributes than latent coordinates.
        """
        count = attributes.shape[1]
        if count > W_DIM:
            raise ValueError(f"{count} attributes do not fit into {W_DIM} latent coordinates; use fewer attributes")
        random = torch.Generator().manual_seed(seed)
        mean = attributes.mean(dim=0)
        std = attributes.std(dim=0)
        std = torch.where(std > 1e-6, std, torch.ones_like(std))
        standardised = (attributes - mean) / std
        return cls(
            mean=mean,
            std=std,
            low=standardised.amin(dim=0),
            high=standardised.amax(dim=0),
            basis=_orthonormal_columns(count, random),
            directions=_orthonormal_columns(count, random) @ _root_of_correlations(standardised),
            categories=_categories(names),
        )

    @property
    def scale(self) -> float:
        """``s``: gives every coordinate of w about unit variance."""
        return float((W_DIM / self.basis.shape[1]) ** 0.5)

    def latents(self, attributes: Tensor) -> Tensor:
        """Attribute vectors [N, K] -> latents w [N, 512]."""
        return self.scale * ((attributes - self.mean) / self.std) @ self.basis.T

    def ws(self, attributes: Tensor, num_ws: int, device: torch.device) -> Tensor:
        """Attribute vectors [N, K] -> ws [N, num_ws, 512], the same latent for every layer."""
        return self.latents(attributes).to(device)[:, None].expand(-1, num_ws, -1)

    def attributes(self, latents: Tensor) -> Tensor:
        """Latents w [N, 512] -> the attribute vectors [N, K] nearest to them."""
        return (latents @ self.basis / self.scale) * self.std + self.mean

    def mapping_target(self, z: Tensor) -> Tensor:
        """The latent w [N, 512] that the mapping network is to give for normal ``z`` [N, 512]."""
        drawn = z @ self.directions
        u = drawn.clamp(self.low, self.high)
        for group in self.categories:
            columns = list(group)
            prior = self.mean[columns].clamp_min(1e-3).log()
            # A Gaussian is wide enough to let the rarer categories win now and then; the prior shifts the odds.
            share = torch.softmax((1.5 * drawn[:, columns] + prior) / SNAP_TEMPERATURE, dim=1)
            u[:, columns] = (share * self._one_hot_size(columns) - self.mean[columns]) / self.std[columns]
        return self.scale * u @ self.basis.T

    def _one_hot_size(self, columns: list[int]) -> Tensor:
        """The value that stands for "yes" in each column of a one-hot group."""
        return self.high[columns] * self.std[columns] + self.mean[columns]


def embedding_file(generator: str | Path) -> Path:
    """Where the embedding of a generator (a registered name, or its file) is, or would be: beside it."""
    return network_file(generator, _ROLE)


def save_embedding(embedding: AttributeEmbedding, path: Path) -> None:
    """Write an embedding as .safetensors, whole or not at all; the two matrices as float16."""
    fields = asdict(embedding)
    categories = fields.pop("categories")
    state = {name: (value.half() if value.ndim > 1 else value).contiguous() for name, value in fields.items()}
    write_network_file(path, _ROLE, {"categories": categories}, state)


def load_embedding(path: Path) -> AttributeEmbedding:
    """Read what :func:`save_embedding` wrote.

    Raises:
        ValueError: the file is missing, damaged or of another kind.
    """
    config, state = read_network_file(path, _ROLE)
    try:
        fields = {name: value.float() for name, value in state.items()}
        return AttributeEmbedding(**fields, categories=tuple(map(tuple, config["categories"])))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the embedding of a generator ({error})") from error


def _orthonormal_columns(count: int, random: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(W_DIM, count, generator=random))[0]


def _root_of_correlations(standardised: Tensor) -> Tensor:
    """The symmetric [K, K] matrix whose square holds the correlations of the columns of ``standardised`` [N, K]."""
    values, vectors = torch.linalg.eigh(standardised.T @ standardised / max(len(standardised) - 1, 1))
    return vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T


def _categories(names: list[str]) -> tuple[tuple[int, ...], ...]:
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if "=" in name:
            groups.setdefault(name.split("=")[0], []).append(index)
    return tuple(tuple(group) for group in groups.values())
