"""The embedding of attributes in W."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.heads.embedding import AttributeEmbedding, embedding_file, load_embedding, save_embedding

NAMES = ["face:width", "face:height", "hair_style=short", "hair_style=long", "colour:skin.r"]


@pytest.fixture
def attributes() -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    continuous = torch.randn(500, 3, generator=random)
    style = torch.nn.functional.one_hot(torch.randint(2, (500,), generator=random), 2).float()
    return torch.cat([continuous[:, :2], style, continuous[:, 2:]], dim=1)


def test_attributes_are_recovered_from_their_latents(attributes: torch.Tensor) -> None:
    embedding = AttributeEmbedding.fit(attributes, NAMES)
    assert torch.allclose(embedding.attributes(embedding.latents(attributes)), attributes, atol=1e-5)


def test_coordinates_of_latents_have_about_unit_variance(attributes: torch.Tensor) -> None:
    latents = AttributeEmbedding.fit(attributes, NAMES).latents(attributes)
    assert latents.shape == (500, 512)
    assert 0.8 < float(latents.square().mean()) < 1.2


def test_one_hot_columns_are_one_category(attributes: torch.Tensor) -> None:
    assert AttributeEmbedding.fit(attributes, NAMES).categories == ((2, 3),)


def test_mapping_targets_stay_in_the_range_of_the_heads_and_choose_one_style(attributes: torch.Tensor) -> None:
    embedding = AttributeEmbedding.fit(attributes, NAMES)
    drawn = embedding.attributes(embedding.mapping_target(torch.randn(400, 512)))
    assert (drawn >= attributes.amin(dim=0) - 1e-4).all() and (drawn <= attributes.amax(dim=0) + 1e-4).all()
    shares = drawn[:, 2:4].amax(dim=1)
    assert float((shares > 0.9).float().mean()) > 0.8
    assert 0.2 < float((drawn[:, 2] > 0.5).float().mean()) < 0.8


def test_attributes_that_vary_together_are_drawn_together() -> None:
    torch.manual_seed(0)
    red = torch.randn(2000, 1)
    attributes = torch.cat([red, 0.9 * red + 0.3 * torch.randn(2000, 1), torch.randn(2000, 1)], dim=1)
    embedding = AttributeEmbedding.fit(attributes, ["skin.r", "skin.g", "age"])
    drawn = embedding.attributes(embedding.mapping_target(torch.randn(4000, 512)))
    assert torch.allclose(torch.corrcoef(drawn.T), torch.corrcoef(attributes.T), atol=0.08)


def test_an_embedding_comes_back_from_its_file(attributes: torch.Tensor, tmp_path: Path) -> None:
    embedding, path = AttributeEmbedding.fit(attributes, NAMES), embedding_file(tmp_path / "generator.safetensors")
    save_embedding(embedding, path)
    found = load_embedding(path)
    assert found.categories == embedding.categories
    torch.testing.assert_close(found.latents(attributes), embedding.latents(attributes), atol=5e-3, rtol=1e-3)


def test_a_damaged_file_is_one_clear_line(attributes: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "x.embedding.safetensors"
    with pytest.raises(ValueError, match="no such file"):
        load_embedding(path)
    save_embedding(AttributeEmbedding.fit(attributes, NAMES), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load_embedding(path)
    with pytest.raises(ValueError, match="holds generator, not embedding"):
        load_embedding(network_file("makehuman128-64", "generator"))


def test_the_shipped_embedding_is_that_of_the_shipped_generator() -> None:
    embedding = load_embedding(embedding_file("makehuman128-64"))
    z = torch.randn(500, 512, generator=torch.Generator().manual_seed(0))
    w = load_generator("makehuman128-64").mapping(z, torch.zeros(500, 25))[:, 0]
    assert float((w.detach() - embedding.mapping_target(z)).square().mean()) < 0.25


def test_more_attributes_than_coordinates_are_refused() -> None:
    with pytest.raises(ValueError, match="600 attributes"):
        AttributeEmbedding.fit(torch.randn(3, 600), [str(i) for i in range(600)])
