"""Generated pictures kept for a discriminator, small enough to be saved with the state of a training."""

from __future__ import annotations

import torch
from torch import Tensor

KEYS = ("image", "image_raw")


class PictureStore:
    """Pictures as bytes, and the cameras [N, 25] from which they were rendered.

    Args:
        state: what :meth:`state` gave; None begins empty.
    """

    def __init__(self, state: dict[str, Tensor] | None = None) -> None:
        self._kept: dict[str, Tensor] = {} if state is None else {key: value.cpu() for key, value in state.items()}

    def __len__(self) -> int:
        return len(self._kept["label"]) if self._kept else 0

    def add(self, pictures: dict[str, Tensor], label: Tensor) -> None:
        """Append pictures "image" and "image_raw" [n, 3, ...] in [-1, 1]."""
        new = self._as_kept(pictures, label)
        self._kept = {key: torch.cat([self._kept[key], new[key]]) if self._kept else new[key] for key in new}

    def mix_in(self, pictures: dict[str, Tensor], label: Tensor) -> None:
        """Put pictures in the places of random ones."""
        places = torch.randperm(len(self))[: len(label)]
        for key, value in self._as_kept(pictures, label).items():
            self._kept[key][places] = value[: len(places)]

    def draw(self, count: int, device: torch.device) -> tuple[dict[str, Tensor], Tensor]:
        """``count`` random pictures in [-1, 1] and their cameras."""
        chosen = torch.randint(len(self), (count,))
        pictures = {key: self._kept[key][chosen].to(device, torch.float32) / 127.5 - 1 for key in KEYS}
        return pictures, self._kept["label"][chosen].to(device)

    def state(self) -> dict[str, Tensor]:
        """Everything, as tensors."""
        return dict(self._kept)

    @staticmethod
    def _as_kept(pictures: dict[str, Tensor], label: Tensor) -> dict[str, Tensor]:
        kept = {key: ((pictures[key].detach().clamp(-1, 1) + 1) * 127.5).round().byte().cpu() for key in KEYS}
        return kept | {"label": label.detach().cpu()}
