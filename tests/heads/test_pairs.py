"""Heads as pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.encoders.pairs import load_pairs, read_about
from gan3dinv_ns.heads.embedding import AttributeEmbedding, save_embedding
from gan3dinv_ns.heads.packed import PackedHeads
from gan3dinv_ns.heads.pairs import write_head_pairs
from gan3dinv_ns.heads.training_data import TrainingData


def test_photos_come_with_the_latent_of_their_head_and_their_camera(
    data: TrainingData, packed_heads: Path, tmp_path: Path
) -> None:
    generator = tmp_path / "g.safetensors"
    embedding = AttributeEmbedding.fit(data.attributes, data.names)
    save_embedding(embedding, tmp_path / "g.embedding.safetensors")
    folder = write_head_pairs([packed_heads], str(generator), tmp_path / "pairs")
    pairs, heads = load_pairs(folder, 128), PackedHeads(packed_heads)
    assert len(pairs) == 12 and read_about(folder)["roll"] == pytest.approx(0, abs=1e-3)
    head, view = 4, 1
    place = 2 * head + view
    assert torch.equal(pairs.photo[place], torch.from_numpy(heads.rgb(head, view)).permute(2, 0, 1))
    torch.testing.assert_close(pairs.label[place], torch.from_numpy(heads.label[head, view]))
    latent = embedding.latents(torch.from_numpy(heads.attributes[head : head + 1]))[0]
    torch.testing.assert_close(pairs.w[place], latent, atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(pairs.w[place], pairs.w[place - 1])
    write_head_pairs([packed_heads], str(generator), tmp_path / "pairs")


def test_a_generator_without_embedding_is_one_clear_line(packed_heads: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"other\.embedding\.safetensors: no such file"):
        write_head_pairs([packed_heads], str(tmp_path / "other.safetensors"), tmp_path / "pairs")
