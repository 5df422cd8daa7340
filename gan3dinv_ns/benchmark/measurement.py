"""One line of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch

from gan3dinv_ns.benchmark.machine import Roofline
from gan3dinv_ns.benchmark.timing import median_and_peak
from gan3dinv_ns.benchmark.work import count_work
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.backends.backend import TORCH
from gan3dinv_ns.eg3d.compilation import is_compiled


@dataclass(frozen=True)
class Measurement:
    """Figures of a call.

    Attributes:
        name: what was called.
        ms: median time, milliseconds.
        peak_mb: largest memory of the process (CPU) or of the device's allocator (CUDA) meanwhile, MiB.
        flops: by name of the number format, see :class:`~gan3dinv_ns.benchmark.work.Work`.
        moved: bytes that its operators read and write.
    """

    name: str
    ms: float
    peak_mb: float
    flops: dict[str, float]
    moved: float

    @property
    def flops_per_s(self) -> float:
        """Reached."""
        return sum(self.flops.values()) / self.ms * 1000

    @property
    def bytes_per_s(self) -> float:
        """Reached; more than memory gives where caches do."""
        return self.moved / self.ms * 1000

    def share_of(self, roofline: Roofline) -> float:
        """Least time under the roofline divided by the time: 1 is the limit of operators that are not fused."""
        return roofline.seconds(self.flops, self.moved) * 1000 / self.ms

    def to_json(self) -> dict[str, Any]:
        """Plain data under the attributes' names."""
        return asdict(self)


def measured(
    name: str,
    call: Callable[[], object],
    repeats: int,
    generators: Sequence[Generator],
    counted: Callable[[], object] | None = None,
) -> Measurement:
    """Time a call, then count its work once.

    Args:
        name: of the line.
        call: is timed.
        repeats: timed calls; the median counts.
        generators: that the call renders with, at least one. The work is counted with the torch backend and nothing
            compiled, as other kernels cannot be seen; so FLOP/s of all backends are of the same work.
        counted: does the same work where it can be seen; None is the call itself.

    Raises:
        ValueError: `repeats` is less than 1.
    """
    ms, peak = median_and_peak(call, repeats, next(generators[0].parameters()).device)
    # Torch's compiler is imported by this, which takes a second and 70 MB: not where nothing is compiled.
    count = torch.compiler.disable(count_work) if any(map(is_compiled, generators)) else count_work
    with _torch_backend(generators):
        work = count(counted or call)
    flops = {name: float(count) for name, count in work.flops.items()}
    return Measurement(name, round(ms, 3), round(peak, 1), flops, float(work.moved))


@contextmanager
def _torch_backend(generators: Sequence[Generator]) -> Iterator[None]:
    before = [generator.backend for generator in generators]
    try:
        for generator in generators:
            generator.backend = TORCH
        yield
    finally:
        for generator, backend in zip(generators, before, strict=True):
            generator.backend = backend
