"""The moving average of a generator's weights, which is what a training gives in the end."""

from __future__ import annotations

import torch

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.heads.finishing import noisy_layers


@torch.no_grad()
def average_weights(average: Generator, current: Generator, keep: float) -> None:
    """average <- keep * average + (1 - keep) * current, for parameters and (learned) noise maps."""
    for mean, weight in zip(average.parameters(), current.parameters(), strict=True):
        mean.lerp_(weight, 1 - keep)
    for ours, theirs in zip(noisy_layers(average), noisy_layers(current), strict=True):
        ours.noise_const.lerp_(theirs.noise_const, 1 - keep)
