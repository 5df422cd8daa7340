"""Random number generators, left as they were."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def random_state_kept(device: torch.device) -> AbstractContextManager[None]:
    """A context after which torch's random numbers of the host, and of a CUDA device, go on from where they were."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
