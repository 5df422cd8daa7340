"""One process or several: what torch's launcher (`torchrun`) started.

Each process has its own batches; gradients are averaged (DistributedDataParallel). The first one reports and saves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Processes:
    """This process among all.

    Attributes:
        rank: its number, from 0.
        count: how many there are.
        device: its own.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether it is the one that reports and saves."""
        return self.rank == 0

    def wrapped(self, network: nn.Module) -> nn.Module:
        """A network whose gradients are averaged over all processes."""
        if self.count == 1:
            return network
        devices = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def join_processes() -> Iterator[Processes]:
    """The processes that `torchrun` started; one alone without it."""
    available = torch.cuda.is_available()
    if "WORLD_SIZE" not in os.environ:
        yield Processes(0, 1, torch.device("cuda:0" if available else "cpu"))
        return
    device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if available else "cpu")
    if available:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if available else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()
