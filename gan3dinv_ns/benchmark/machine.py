"""What a machine is, and the most that it does: its roofline (Williams et al., 2009), measured here and now.

The roof is that of large matrix products, the slope that of copying memory. Both are what torch reaches on the machine,
not what its data sheet says.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gan3dinv_ns.benchmark.timing import timed
from gan3dinv_ns.eg3d.precision import multiplies_bfloat16

_TRIALS = 5
_SIDE = {"cpu": 1024, "cuda": 8192}
_COPIED_BYTES = {"cpu": 2**28, "cuda": 2**31}


@dataclass(frozen=True)
class Roofline:
    """The most that a machine does.

    Attributes:
        flops_per_s: of matrix products by name of the number format, such as "float32"; a multiplication with an
            addition is two.
        bytes_per_s: read and written while memory is copied.
    """

    flops_per_s: dict[str, float]
    bytes_per_s: float

    def seconds(self, flops: dict[str, float], moved: float) -> float:
        """The least time for operations that move so many bytes one after the other."""
        best = max(self.flops_per_s.values())
        computing = sum(count / self.flops_per_s.get(name, best) for name, count in flops.items())
        return max(computing, moved / self.bytes_per_s)


def measure_roofline(device: torch.device) -> Roofline:
    """Measure a machine; a second or so."""
    kind = device.type if device.type in _SIDE else "cpu"
    roofs = {str(one).removeprefix("torch."): _products(one, _SIDE[kind], device) for one in _formats(kind)}
    count = _COPIED_BYTES[kind] // 4
    source, target = (torch.zeros(count, device=device) for _ in range(2))
    seconds = min(timed(lambda: target.copy_(source), device) for _ in range(_TRIALS))
    return Roofline(roofs, 2 * 4 * count / seconds)


def _formats(kind: str) -> list[torch.dtype]:
    """Those that a generator may compute in there."""
    if kind == "cuda":
        return [torch.float32, torch.float16]
    return [torch.float32, torch.bfloat16] if multiplies_bfloat16() else [torch.float32]


def _products(number_format: torch.dtype, side: int, device: torch.device) -> float:
    a, b = (torch.rand(side, side, device=device).to(number_format) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    # As convolutions do, which are what most of the work is.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        seconds = min(timed(lambda: torch.mm(a, b), device) for _ in range(_TRIALS))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return 2.0 * side**3 / seconds


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Name of the device, threads, versions."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "device_type": device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _processor() -> str:
    """Name of the CPU; the kind of machine where the system does not tell it."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()
