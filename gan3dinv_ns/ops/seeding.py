"""Random number generators: all of them seeded by one call, or left as they were."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seeds Python's, NumPy's and torch's (CPU and every CUDA device) global generators.

    Args:
        seed: 0 to 2**32 - 1 (NumPy's range).

    Raises:
        ValueError: the seed is outside that range.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed} is outside 0 to {2**32 - 1}; choose one inside")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_state_kept(device: torch.device) -> AbstractContextManager[None]:
    """A context after which torch's random numbers of the host, and of a CUDA device, go on from where they were."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
