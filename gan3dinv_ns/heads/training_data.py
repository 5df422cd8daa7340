"""The packed heads, decoded into memory once and handed out as batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan3dinv_ns.heads.packed import PackedHeads
from gan3dinv_ns.heads.supervision import Views
from gan3dinv_ns.ops.allocator import keep_freed_memory

HELD_OUT = 64
"""Heads that are kept for validation."""


def load_training_data(paths: Sequence[Path]) -> TrainingData:
    """Packed heads for a training, on CUDA if there is one; the process is told to keep freed memory.

    Raises:
        ValueError: see :class:`TrainingData`.
    """
    keep_freed_memory()
    return TrainingData(paths, HELD_OUT, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def heads_in_step(wanted: int | None, device: torch.device) -> int:
    """Heads in a batch; None takes 32 on CUDA, and 4 on a CPU, where steps count for more."""
    return wanted or (32 if device.type == "cuda" else 4)


class TrainingData:
    """All views of all heads as bytes (about 115 KB a view at 128 x 128).

    Args:
        paths: packed files; together they are one data set.
        held_out: so many heads at the end of the first file are kept for validation.
        device: where batches are put; the store itself stays in main memory.

    Raises:
        ValueError: a file cannot be read, differs from the first in its attributes, views or resolution, or there are
            no more heads than are held out.
    """

    def __init__(self, paths: Sequence[Path], held_out: int, device: torch.device) -> None:
        files = [PackedHeads(path) for path in paths]
        first = files[0]
        for file in files[1:]:
            for what in ("names", "views", "resolution"):
                if getattr(file, what) != getattr(first, what):
                    raise ValueError(
                        f"{file.path} has other {what} than {first.path}; pack both with the same settings"
                    )
        if len(first) <= held_out:
            raise ValueError(f"{first.path}: holds {len(first)} heads; more than {held_out} for validation are needed")
        self.device = device
        self.names = list(first.names)
        self.views_per_head = first.views
        # Validation heads go to the end, the same ones however many files follow.
        order = [(first, head) for head in range(len(first) - held_out)]
        order += [(file, head) for file in files[1:] for head in range(len(file))]
        self.train_count = len(order)
        order += [(first, head) for head in range(len(first) - held_out, len(first))]
        self.attributes = torch.from_numpy(np.stack([file.attributes[head] for file, head in order]))
        self._decode(order, first.resolution)

    def _decode(self, order: list[tuple[PackedHeads, int]], size: int) -> None:
        shape = (len(order), self.views_per_head)
        self._image = torch.empty(*shape, 3, size, size, dtype=torch.uint8)
        self._alpha = torch.empty(*shape, size, size, dtype=torch.uint8)
        self._depth = torch.empty(*shape, size, size, dtype=torch.float16)
        self._label = torch.empty(*shape, 25)
        for place, (file, head) in enumerate(tqdm(order, desc="decoding heads", leave=False, disable=None)):
            for view in range(self.views_per_head):
                rgb, depth, alpha, label = file.decode(head, view)
                self._image[place, view] = torch.from_numpy(rgb).permute(2, 0, 1)
                self._alpha[place, view] = torch.from_numpy((alpha * 255).round().astype(np.uint8))
                self._depth[place, view] = torch.from_numpy(depth).half()
                self._label[place, view] = torch.from_numpy(label)

    def views(self, heads: Tensor, views: Tensor) -> Views:
        """Views [N, V] ``views`` of heads [N] ``heads``, as floats on the device."""
        at = (heads[:, None], views)

        def ready(stored: Tensor) -> Tensor:
            return stored[at].to(self.device, torch.float32)

        return Views(ready(self._image) / 255, ready(self._alpha) / 255, ready(self._depth), ready(self._label))

    def random_batch(self, heads: int, views: int) -> tuple[Tensor, Views]:
        """Random training heads [N] with random distinct views of each."""
        chosen = torch.randint(self.train_count, (heads,))
        order = torch.rand(heads, self.views_per_head).argsort(dim=1)[:, :views]
        return chosen, self.views(chosen, order)

    def validation_batch(self, heads: int) -> tuple[Tensor, Views]:
        """The first view of the first ``heads`` validation heads."""
        chosen = self.train_count + torch.arange(min(heads, len(self.attributes) - self.train_count))
        return chosen, self.views(chosen, torch.zeros(len(chosen), 1, dtype=torch.long))
