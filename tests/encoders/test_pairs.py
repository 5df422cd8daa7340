"""The folder of pairs that the initialisers are trained on."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.encoders.pairs import begin_pairs, load_pairs, pairs_in, read_about, shard_file, write_shard

ABOUT = {"generator": "mine.safetensors", "roll": 0.3}


def some(count: int, seed: int = 0, w_dim: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    photos = torch.rand(count, 3, 16, 16, generator=random) * 2 - 1
    return photos, torch.randn(count, w_dim, generator=random), torch.randn(count, 25, generator=random)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shards of 3 and 2 pairs."""
    begin_pairs(tmp_path / "pairs", ABOUT)
    write_shard(tmp_path / "pairs", 0, 0, *some(3, 0))
    write_shard(tmp_path / "pairs", 1, 3, *some(2, 1))
    return tmp_path / "pairs"


def test_pairs_come_back_in_their_order(folder: Path) -> None:
    pairs = load_pairs(folder, 16).take(slice(None))
    photos, w, labels = (torch.cat(parts) for parts in zip(some(3, 0), some(2, 1), strict=True))
    assert len(pairs) == 5
    torch.testing.assert_close(pairs.photo, photos, atol=1 / 255 + 1e-5, rtol=0)
    torch.testing.assert_close(pairs.w, w)
    torch.testing.assert_close(pairs.label, labels)
    chosen = load_pairs(folder, 8).take(torch.tensor([4, 0]))
    torch.testing.assert_close(chosen.w, w[[4, 0]])
    shrunk = torch.nn.functional.avg_pool2d(photos[[4, 0]], 2)
    torch.testing.assert_close(chosen.photo, shrunk, atol=0.01, rtol=0)


def test_a_shard_is_a_data_set_in_eg3ds_format(folder: Path) -> None:
    with zipfile.ZipFile(shard_file(folder, 1)) as archive:
        labels = dict(json.loads(archive.read("dataset.json"))["labels"])
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
    assert sorted(labels) == pictures == ["00001/img00000003.png", "00001/img00000004.png"]
    assert all(len(label) == 25 for label in labels.values())


def test_a_folder_remembers_what_its_pairs_are_made_of(folder: Path) -> None:
    begin_pairs(folder, ABOUT)
    assert read_about(folder) == ABOUT
    with pytest.raises(ValueError, match=r"holds pairs of roll 0\.3, not 0\.0"):
        begin_pairs(folder, {**ABOUT, "roll": 0.0})


def test_a_shard_cut_short_counts_as_missing_and_is_one_clear_line(folder: Path) -> None:
    shard = shard_file(folder, 1)
    assert pairs_in(shard) == 2 and pairs_in(shard_file(folder, 2)) == 0
    shard.write_bytes(shard.read_bytes()[:-100])
    assert pairs_in(shard) == 0
    with pytest.raises(ValueError, match=r"pairs-00001\.zip: cut short or damaged .*; delete it"):
        load_pairs(folder, 16)


def test_a_damaged_picture_is_one_clear_line(folder: Path) -> None:
    shard = shard_file(folder, 0)
    data = bytearray(shard.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 0xFF
    shard.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"pairs-00000\.zip: cut short or damaged"):
        load_pairs(folder, 16)


def test_latents_of_other_lengths_are_refused(folder: Path) -> None:
    write_shard(folder, 2, 5, *some(2, 2, w_dim=7))
    with pytest.raises(ValueError, match=r"pairs-00002\.zip: its latents have 7 numbers, those of pairs-00000\.zip 6"):
        load_pairs(folder, 16)


def test_a_folder_without_pairs_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder of pairs; make them with `gan3dinv pretrain data`"):
        load_pairs(tmp_path, 16)
    begin_pairs(tmp_path, ABOUT)
    with pytest.raises(ValueError, match="no pairs yet"):
        load_pairs(tmp_path, 16)
    (tmp_path / "pairs.json").write_text("[1]")
    with pytest.raises(ValueError, match="no folder of pairs"):
        read_about(tmp_path)
