"""The largest amount of memory in use since a moment."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_RESET_PEAK = Path("/proc/self/clear_refs")


def reset_peak_memory(device: torch.device) -> None:
    """Lets the peak start anew; where the kernel does not allow it, the process's peak since its start counts."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):
        _RESET_PEAK.write_text("5")


def peak_memory_mb(device: torch.device) -> float:
    """The peak in MiB: of the device's allocator with CUDA, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if platform.system() == "Darwin" else 2**10)
