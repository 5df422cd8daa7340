"""The packed heads, decoded into memory once and handed out as batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gan3dinv_ns.heads.packed import PackedHeads
from gan3dinv_ns.heads.supervision import Views


class TrainingData:
    """All views of all heads as bytes (about 115 KB a view at 128 x 128).

    Args:
        path: the packed file.
        held_out: so many heads at the end are kept for validation.
        device: where batches are put; the store itself stays in main memory.
    """

    def __init__(self, path: Path, held_out: int, device: torch.device) -> None:
        packed = PackedHeads(path)
        if len(packed) <= held_out:
            raise ValueError(f"{path}: holds {len(packed)} heads; more than the {held_out} for validation are needed")
        self.device = device
        self.names = list(packed.names)
        self.attributes = torch.from_numpy(np.asarray(packed.attributes, dtype=np.float32))
        self.train_count = len(packed) - held_out
        self.views_per_head = packed.views
        self._decode(packed)

    def _decode(self, packed: PackedHeads) -> None:
        heads, views = len(packed), packed.views
        size = packed.resolution
        self._image = torch.empty(heads, views, 3, size, size, dtype=torch.uint8)
        self._alpha = torch.empty(heads, views, size, size, dtype=torch.uint8)
        self._depth = torch.empty(heads, views, size, size, dtype=torch.float16)
        self._label = torch.empty(heads, views, 25)
        for head in tqdm(range(heads), desc="decoding heads", leave=False, disable=None):
            for view in range(views):
                rgb, depth, alpha, label = packed.decode(head, view)
                self._image[head, view] = torch.from_numpy(rgb).permute(2, 0, 1)
                self._alpha[head, view] = torch.from_numpy((alpha * 255).round().astype(np.uint8))
                self._depth[head, view] = torch.from_numpy(depth).half()
                self._label[head, view] = torch.from_numpy(label)

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
