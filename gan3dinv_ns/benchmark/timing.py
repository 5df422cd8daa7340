"""Times and memory of repeated calls on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from gan3dinv_ns.ops.peak_memory import peak_memory_mb, reset_peak_memory


def timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that a call takes, until the device has finished."""
    _synchronise(device)
    begin = time.perf_counter()
    call()
    _synchronise(device)
    return time.perf_counter() - begin


def median_and_peak(call: Callable[[], object], repeats: int, device: torch.device) -> tuple[float, float]:
    """Median time in milliseconds and peak memory in MiB (see ``ops/peak_memory.py``), after one call that does not
    count.

    Raises:
        ValueError: `repeats` is less than 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats {repeats} is too small; give 1 or more")
    call()
    reset_peak_memory(device)
    times = [timed(call, device) for _ in range(repeats)]
    return statistics.median(times) * 1000, peak_memory_mb(device)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
