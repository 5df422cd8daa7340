"""How long a generator's parts take on this machine, and how much memory they need.

Each part is timed alone, forward, and forward with the gradients that an inversion asks for: to the latent, the camera
and all weights. Times are medians over the repeats; memory is the largest amount in use during one of them.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.ops.peak_memory import peak_memory_mb, reset_peak_memory

_YAW_RAD, _PITCH_RAD = 0.3, 0.1

Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class PartTiming:
    """Figures of one part for one image.

    Attributes:
        part: "backbone", "rendering", "super-resolution", or "whole".
        forward_ms: without gradients.
        backward_ms: forward and backward together.
        forward_peak_mb: largest memory of the process (CPU) or of the device's allocator (CUDA) during the forward.
        backward_peak_mb: the same during forward and backward.
    """

    part: str
    forward_ms: float
    backward_ms: float
    forward_peak_mb: float
    backward_peak_mb: float


@dataclass(frozen=True)
class BenchmarkReport:
    """What was measured, and on what.

    Attributes:
        machine: device, threads, versions.
        generator: sizes of the generator.
        parts: one row for each part, then the whole.
        inversion_seconds: time of a whole inversion, None if it was not asked for.
    """

    machine: dict[str, Any]
    generator: dict[str, Any]
    parts: tuple[PartTiming, ...]
    inversion_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data under the attributes' names."""
        return asdict(self)


def run_benchmark(
    generator: Generator,
    repeats: int = 5,
    inversion: Callable[[], object] | None = None,
    progress: Callable[[str], None] | None = None,
) -> BenchmarkReport:
    """Measures a generator on the device that it is on.

    Args:
        generator: its weights take part in the gradients; they are not changed.
        repeats: timed calls of each kind, after one that is not counted.
        inversion: runs one whole inversion; None leaves it out.
        progress: told the name of each part before it is measured.

    Raises:
        ValueError: `repeats` is less than 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats {repeats} is too small; give 1 or more")
    tell = progress or (lambda part: None)
    wanted = [parameter.requires_grad for parameter in generator.parameters()]
    rows = []
    try:
        for part, (call, sources) in _calls(generator).items():
            tell(part)
            rows.append(_measure(generator, part, call, sources, repeats))
    finally:
        for parameter, flag in zip(generator.parameters(), wanted, strict=True):
            parameter.requires_grad_(flag)
            parameter.grad = None
    seconds = None
    if inversion is not None:
        tell("inversion")
        seconds = _timed(inversion, _device_of(generator))
    return BenchmarkReport(_machine(generator), _sizes(generator), tuple(rows), seconds)


def _calls(generator: Generator) -> dict[str, tuple[Callable[..., Outputs], tuple[Tensor, ...]]]:
    """For each part, a function of its inputs, and these."""
    device = _device_of(generator)
    label = camera_label(orbit(_YAW_RAD, _PITCH_RAD), intrinsics_matrix()).to(device)
    side = generator.neural_rendering_resolution
    with torch.no_grad():
        z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0)).to(device)
        ws = generator.mapping(z, label)
        planes = generator.planes(ws)
        features = _rendering(generator, side)(planes, label)["features"]
    return {
        "backbone": (lambda ws: {"planes": generator.planes(ws)}, (ws,)),
        "rendering": (_rendering(generator, side), (planes, label)),
        "super-resolution": (_super_resolution(generator), (features, ws)),
        "whole": (lambda ws, label: generator.synthesis(ws, label), (ws, label)),
    }


def _rendering(generator: Generator, side: int) -> Callable[..., Outputs]:
    def call(planes: Tensor, label: Tensor) -> Outputs:
        rays = sample_rays(label[:, :16].reshape(-1, 4, 4), label[:, 16:].reshape(-1, 3, 3), side)
        features = generator.render_rays(planes, *rays)[0]
        return {"features": features.transpose(1, 2).unflatten(2, (side, side)).contiguous()}

    return call


def _super_resolution(generator: Generator) -> Callable[..., Outputs]:
    noise = generator.rendering.superresolution_noise_mode

    def call(features: Tensor, ws: Tensor) -> Outputs:
        return {"image": generator.superresolution(features[:, :3], features, ws, noise)[0]}

    return call


def _measure(
    generator: Generator, part: str, call: Callable[..., Outputs], sources: tuple[Tensor, ...], repeats: int
) -> PartTiming:
    device = _device_of(generator)

    def forward() -> None:
        with torch.no_grad():
            call(*sources)

    def backward() -> None:
        inputs = [source.detach().requires_grad_() for source in sources]
        total = torch.stack([output.square().mean() for output in call(*inputs).values()]).sum()
        total.backward()

    generator.requires_grad_(False)
    forward_ms, forward_peak = _median_and_peak(forward, repeats, device)
    generator.requires_grad_(True)
    backward_ms, backward_peak = _median_and_peak(backward, repeats, device)
    generator.zero_grad(set_to_none=True)
    return PartTiming(part, forward_ms, backward_ms, forward_peak, backward_peak)


def _median_and_peak(call: Callable[[], object], repeats: int, device: torch.device) -> tuple[float, float]:
    """Median time in milliseconds and peak memory in megabytes, after one call that is not counted."""
    call()
    reset_peak_memory(device)
    times = [_timed(call, device) for _ in range(repeats)]
    return round(statistics.median(times) * 1000, 2), round(peak_memory_mb(device), 1)


def _timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that a call takes, until the device has finished."""
    _synchronise(device)
    begin = time.perf_counter()
    call()
    _synchronise(device)
    return time.perf_counter() - begin


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device_of(generator: Generator) -> torch.device:
    return next(generator.parameters()).device


def _machine(generator: Generator) -> dict[str, Any]:
    device = _device_of(generator)
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else _processor(),
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


def _sizes(generator: Generator) -> dict[str, Any]:
    options = generator.rendering
    return {
        "parameters": sum(parameter.numel() for parameter in generator.parameters()),
        "image_side": generator.img_resolution,
        "rendering_side": generator.neural_rendering_resolution,
        "plane_side": generator.plane_resolution,
        "samples_per_ray": options.depth_resolution + options.depth_resolution_importance,
    }
