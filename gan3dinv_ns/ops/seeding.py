"""One call that fixes every random number generator in use."""

from __future__ import annotations

import random

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
