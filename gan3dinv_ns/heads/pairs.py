"""Pictures of heads as pairs with the latents of the embedded generator: no domain gap lies between them and photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from gan3dinv_ns.encoders.pairs import begin_pairs, pairs_in, shard_file, write_shard
from gan3dinv_ns.heads.embedding import embedding_file, load_embedding
from gan3dinv_ns.heads.packed import PackedHeads

_HEADS_PER_SHARD = 200


def write_head_pairs(
    paths: Sequence[Path], generator: str, folder: Path, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write every view of packed heads from which a photo might be taken, with its latent and camera.

    Args:
        paths: packed files.
        generator: whose latents they get: a registered name or a file with its embedding beside it.
        folder: where the shards go.
        progress: called with the number of heads that are written, and that of all.

    Returns:
        the folder.

    Raises:
        ValueError: a packed file or the embedding is missing or damaged, or the folder holds other pairs.
        FileWriteError: the disk is full or the place is not writable.
    """
    embedding = load_embedding(embedding_file(generator))
    files = [PackedHeads(path) for path in paths]
    begin_pairs(folder, {"generator": generator, "truth": "heads", "roll": _roll(files)})
    total, done, index = sum(len(file) for file in files), 0, 0
    for file in files:
        # The last view of four is taken from any side, which no photo is.
        views = file.views - 1 if file.views >= 4 else file.views
        w = embedding.latents(torch.from_numpy(file.attributes))
        for begin in range(0, len(file), _HEADS_PER_SHARD):
            heads = range(begin, min(begin + _HEADS_PER_SHARD, len(file)))
            if pairs_in(shard_file(folder, index)) < len(heads) * views:
                pictures = np.stack([file.rgb(head, view) for head in heads for view in range(views)])
                photos = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1
                labels = torch.from_numpy(file.label[heads.start : heads.stop, :views]).flatten(0, 1)
                latents = w[heads.start : heads.stop].repeat_interleave(views, dim=0)
                write_shard(folder, index, done * views, photos, latents, labels)
            index, done = index + 1, done + len(heads)
            if progress is not None:
                progress(done, total)
    return folder


def _roll(files: Sequence[PackedHeads]) -> float:
    """Largest roll of the cameras, radians: upright ones have a right axis without height."""
    right = np.concatenate([file.label[..., 4].ravel() for file in files])
    return round(float(np.arcsin(np.clip(np.abs(right), 0, 1)).max()), 3)
