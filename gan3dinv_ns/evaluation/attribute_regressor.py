"""A small network that reads attributes of a head from a picture of it.

It is trained on true pictures with their labels, and then tells the attributes of a generator's samples, whose labels
nobody knows. It sees the whole picture (hair) and, beside it, the lower face at twice the scale, as a smile is a few
pixels.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan3dinv_ns.evaluation.labelled import LabelledPictures, Labels, Step, batches

SIDE = 128
"""Pictures of other sizes are scaled to this many pixels."""
ATTRIBUTE_FEATURES = "attribute-regressor"
"""Name of the features of :meth:`AttributeRegressor.features`."""

_INPUT = 64
_FACE = (slice(64, 128), slice(32, 96))
"""Rows and columns of the lower face in EG3D's crop, as large as the input."""
_WHOLE_WIDTHS = (3, 12, 24, 48, 64)
_FACE_WIDTHS = (3, 16, 32, 64, 96)
_FEATURES = 96
_BATCH = 64
_RATE = 3e-3
_SMALLEST_SPREAD = 1e-3


class AttributeRegressor(nn.Module):
    """Four convolutions of stride 2 for the whole picture, four for the lower face, and two fully connected layers.

    Args:
        labels: whose names and kinds are to be read; mean and spread of the continuous ones set the units.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, labels: Labels) -> None:
        super().__init__()
        self.names = list(labels)
        self.binary = [values.dtype == torch.bool for values in labels.values()]
        numbers = torch.stack([values.float() for values in labels.values()], dim=1)
        continuous = ~torch.tensor(self.binary)
        self.register_buffer("centre", numbers.mean(dim=0) * continuous)
        spread = numbers.std(dim=0).clamp_min(_SMALLEST_SPREAD)
        self.register_buffer("spread", torch.where(continuous, spread, torch.ones_like(spread)))
        self.whole = nn.Sequential(*_convolutions(_WHOLE_WIDTHS), nn.Flatten())
        # The largest answers over the face tell what is there, wherever the camera puts it.
        self.face = nn.Sequential(*_convolutions(_FACE_WIDTHS), nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.join = nn.Linear(_WHOLE_WIDTHS[-1] * (_INPUT // 16) ** 2 + _FACE_WIDTHS[-1], _FEATURES)
        self.head = nn.Linear(_FEATURES, len(self.names))

    def features(self, pictures: Tensor) -> Tensor:
        """Features ``[N, 96]`` before the last layer, of pictures ``[N, 3, R, R]`` in [-1, 1]."""
        if pictures.shape[-1] != SIDE:
            pictures = F.interpolate(pictures, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        parts = [self.whole(F.avg_pool2d(pictures, SIDE // _INPUT)), self.face(pictures[(..., *_FACE)])]
        return F.leaky_relu(self.join(torch.cat(parts, dim=1)), 0.1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Standardised values ``[N, K]``; logits of attributes that are there or not."""
        return self.head(self.features(pictures))

    @torch.no_grad()
    def read(self, pictures: Tensor) -> Labels:
        """Labels of pictures ``[N, 3, R, R]`` uint8, named and typed as those of the training, on the CPU."""
        device = next(self.parameters()).device
        values = torch.cat([self(batch) * self.spread + self.centre for batch in batches(pictures, _BATCH, device)])
        columns = values.cpu().unbind(1)
        return {
            name: column > 0 if binary else column
            for name, binary, column in zip(self.names, self.binary, columns, strict=True)
        }


def train_attribute_regressor(
    data: LabelledPictures,
    pictures_seen: int = 64_000,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Step | None = None,
) -> AttributeRegressor:
    """Train on pictures, each sometimes mirrored; squared error or cross-entropy, Adam with a falling rate.

    Args:
        data: at least two pictures.
        pictures_seen: over all steps; about 2 ms each on one CPU core.
        seed: of the initial weights and of the batches.

    Raises:
        ValueError: there are fewer than two pictures, or no labels.
    """
    if len(data) < 2 or not data.labels:
        raise ValueError(f"{len(data)} pictures with {len(data.labels)} labels; give at least two, and a label.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = AttributeRegressor(data.labels).to(device)
    random = torch.Generator().manual_seed(seed)
    targets = torch.stack([values.float() for values in data.labels.values()], dim=1).to(device)
    targets = (targets - network.centre) / network.spread
    steps = max(pictures_seen // _BATCH, 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps))
    network.train()
    for step in range(steps):
        chosen = torch.randint(len(data), (_BATCH,), generator=random)
        images = next(batches(data.pictures[chosen], _BATCH, device))
        mirrored = (torch.rand(_BATCH, 1, 1, 1, generator=random) < 0.5).to(device)
        images = torch.where(mirrored, images.flip(3), images)
        optimizer.zero_grad(set_to_none=True)
        _loss(network, images, targets[chosen.to(device)]).backward()
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress("attribute regressor", step + 1, steps)
    return network.eval().requires_grad_(False)


def _convolutions(widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for taken, given in pairwise(widths):
        layers += [nn.Conv2d(taken, given, 3, 2, 1, bias=False), nn.BatchNorm2d(given), nn.LeakyReLU(0.1)]
    return layers


def _loss(network: AttributeRegressor, images: Tensor, targets: Tensor) -> Tensor:
    values = network(images)
    terms = [
        F.binary_cross_entropy_with_logits(values[:, i], targets[:, i])
        if binary
        else F.mse_loss(values[:, i], targets[:, i])
        for i, binary in enumerate(network.binary)
    ]
    return torch.stack(terms).sum()
