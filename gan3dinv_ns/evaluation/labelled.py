"""Pictures with what is known of their heads, as thousands of them are kept: in bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Labels = dict[str, Tensor]
"""Name -> ``[N]``: float of a continuous attribute, bool of one that is there or not."""

Step = Callable[[str, int, int], None]
"""Told the name of a piece of work, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures ``[N, 3, R, R]`` uint8 and their labels."""

    pictures: Tensor
    labels: Labels

    def __post_init__(self) -> None:
        for name, values in self.labels.items():
            if len(values) != len(self.pictures):
                raise ValueError(f"{len(values)} labels {name!r} for {len(self.pictures)} pictures; give one for each.")

    def __len__(self) -> int:
        return len(self.pictures)

    def part(self, begin: int, end: int) -> LabelledPictures:
        """The pictures from ``begin`` to before ``end``, with their labels."""
        return LabelledPictures(
            self.pictures[begin:end], {name: values[begin:end] for name, values in self.labels.items()}
        )


def to_bytes(images: Tensor, side: int | None = None) -> Tensor:
    """Images ``[N, 3, H, W]`` in [-1, 1] (clamped) as uint8, scaled to ``side`` pixels if one is given."""
    if side is not None and images.shape[-1] != side:
        images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def batches(pictures: Tensor, size: int, device: torch.device | str = "cpu") -> Iterator[Tensor]:
    """Batches ``[at most size, 3, R, R]`` in [-1, 1] of pictures in bytes."""
    for batch in pictures.split(size):
        yield batch.to(device, torch.float32) / 127.5 - 1
