"""Claims about the labelled scale."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.heads.attributes import attribute_names, draw_attributes
from gan3dinv_ns.heads.drawn_heads import drawn_vectors, labelled_latents
from gan3dinv_ns.heads.embedding import AttributeEmbedding, embedding_file, load_embedding, save_embedding
from gan3dinv_ns.heads.face_scale import EDITABLE, HELD, face_values
from gan3dinv_ns.heads.labelled_pictures import face_labels


@pytest.fixture
def generator(tmp_path: Path) -> str:
    """A generator's name whose embedding lies beside where its file would be."""
    embedding = AttributeEmbedding.fit(drawn_vectors(range(200)), attribute_names())
    save_embedding(embedding, tmp_path / "g.embedding.safetensors")
    return str(tmp_path / "g.safetensors")


def test_the_scale_is_that_of_the_labels() -> None:
    values = face_values(drawn_vectors(range(20)))
    assert tuple(values) == (*EDITABLE, *HELD)
    for seed in range(20):
        labels, attributes = face_labels(draw_attributes(seed)), draw_attributes(seed)
        found = {name: float(value[seed]) for name, value in values.items()}
        assert found["age"] == pytest.approx(labels["age"], abs=1e-4)
        assert found["smile"] == pytest.approx(labels["smile"], abs=1e-4)
        assert found["skin-tone"] == pytest.approx(labels["skin luminance"], abs=1e-4)
        assert found["gender"] == pytest.approx(attributes.male, abs=1e-4)
        assert found["hair-length"] == float(labels["long hair"])
        assert [found["african"], found["asian"]] == pytest.approx(attributes.ethnicity[:2].tolist(), abs=1e-4)


def test_latents_of_drawn_heads_hold_their_values(generator: str) -> None:
    latents, values = labelled_latents(generator, range(300, 400))
    read = face_values(load_embedding(embedding_file(generator)).attributes(latents))
    assert latents.shape == (100, 512)
    for name in EDITABLE:
        torch.testing.assert_close(read[name], values[name], atol=0.01, rtol=0)


def test_an_embedding_of_other_attributes_is_one_line(generator: str, tmp_path: Path) -> None:
    save_embedding(AttributeEmbedding.fit(torch.randn(50, 4), list("abcd")), tmp_path / "g.embedding.safetensors")
    with pytest.raises(ValueError, match="of other attributes than today's"):
        labelled_latents(generator, range(3))
