"""Which decoder backend a generator gets: asked for by name, or the fastest that can be had.

Triton and tiny-cuda-nn are imported here only, and only where they are to be used. Before a backend is used it decodes
and composites a few random points, values and gradients, and is compared with torch: what does not compile, or is
wrong, on a machine is found before it spoils a head.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
from typing import NamedTuple

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.backends.backend import TORCH, DecoderBackend, RaySamples
from gan3dinv_ns.eg3d.decoder import OSGDecoder
from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.eg3d.trial import Unusable, attempt, largest_relative_error, require_agreement
from gan3dinv_ns.ops.compute_choices import BackendName

_NAMES: dict[str, str] = {"triton": "Triton", "tcnn": "tiny-cuda-nn"}
_OLDEST_TRITON = (7, 0)
_TRITON_FIX = "pip install triton, on Linux"
_TCNN_FIX = 'pip install -e ".[tinycudann]"'


def use_backend(generator: Generator, name: BackendName) -> str | None:
    """Gives a generator its backend.

    Args:
        generator: on its device.
        name: "auto" takes Triton, else tiny-cuda-nn, else torch on a CUDA device, and torch on every other.

    Returns:
        What "auto" could not have, in one line, unless the device is a CPU.

    Raises:
        ValueError: the named one cannot be had; one line with the reason and the fix.
    """
    device = next(generator.parameters()).device
    if name == "auto":
        generator.backend, note = _fastest(generator, device)
        return note
    if name == "torch":
        generator.backend = TORCH
        return None
    try:
        generator.backend = _usable(name, generator, device)
    except Unusable as reason:
        raise _refusal(name, str(reason)) from None
    return None


def check_backend(name: BackendName, device: torch.device) -> None:
    """Refuses a named backend that cannot even be tried on a device; imports none.

    Raises:
        ValueError: one line with the reason and the fix.
    """
    reason = reason_against(name, device)
    if reason is not None:
        raise _refusal(name, reason)


def usable_backends(device: torch.device) -> tuple[BackendName, ...]:
    """Those that can be tried on a device, torch among them."""
    names: tuple[BackendName, ...] = ("torch", "tcnn", "triton")
    return tuple(name for name in names if reason_against(name, device) is None)


def _refusal(name: str, reason: str) -> ValueError:
    return ValueError(f"decoder backend {name} {reason}; choose auto or torch to do without it")


def with_fastest_backend(generator: Generator) -> Generator:
    """The generator itself, after `use_backend` with "auto"; what that could not have is logged as a warning."""
    note = use_backend(generator, "auto")
    if note is not None:
        logging.getLogger(__name__).warning(note)
    return generator


def _fastest(generator: Generator, device: torch.device) -> tuple[DecoderBackend, str | None]:
    if device.type == "cpu":
        return TORCH, None
    reasons: list[str] = []
    for name in _NAMES:
        try:
            return _usable(name, generator, device), _note(_NAMES[name], reasons)
        except Unusable as reason:
            reasons.append(f"{_NAMES[name]} {reason}")
    return TORCH, _note("torch", reasons)


def _note(chosen: str, reasons: list[str]) -> str | None:
    return f"Decoding with {chosen} ({'; '.join(reasons)})." if reasons else None


def _usable(name: str, generator: Generator, device: torch.device) -> DecoderBackend:
    """A backend that was tried on the device. Raises: Unusable."""
    reason = reason_against(name, device)
    if reason is not None:
        raise Unusable(reason)
    with attempt():
        backend = _build(name)
        require_agreement(largest_error(backend, generator), backend.tolerance, "torch")
    return backend


def reason_against(name: str, device: torch.device) -> str | None:
    """Why a named backend cannot even be tried on a device, or None; imports none."""
    if name not in _NAMES:
        return None
    interpreted = name == "triton" and os.environ.get("TRITON_INTERPRET") == "1"
    if device.type != "cuda" and not interpreted:
        return f"needs a CUDA device, not {device.type}"
    if name == "triton":
        if importlib.util.find_spec("triton") is None:
            return f"is not installed ({_TRITON_FIX})"
        if not interpreted and torch.cuda.get_device_capability(device) < _OLDEST_TRITON:
            major, minor = torch.cuda.get_device_capability(device)
            return f"needs compute capability 7.0, and this GPU has {major}.{minor}"
    elif importlib.util.find_spec("tinycudann") is None:
        return f"is not installed ({_TCNN_FIX})"
    return None


def _build(name: str) -> DecoderBackend:
    if name == "triton":
        from gan3dinv_ns.eg3d.backends.triton_backend import TritonBackend

        return TritonBackend()
    from gan3dinv_ns.eg3d.backends.tcnn_backend import TcnnBackend

    return TcnnBackend()


def largest_error(backend: DecoderBackend, generator: Generator, rays: int = 8) -> float:
    """Largest relative error (norm of the difference) of a backend against torch, over values and gradients.

    Both render the same random planes, of few pixels, with the generator's decoder; torch on the CPU, where nothing
    rounds more than float32.
    """
    device = next(generator.parameters()).device
    found = _rendered(backend, generator, _trial(generator, rays), device)
    expected = _rendered(TORCH, generator, _trial(generator, rays), torch.device("cpu"))
    return largest_relative_error(found, expected)


class _Trial(NamedTuple):
    """What is rendered: planes, points on rays and their depths, and weights of the sums in what is differentiated."""

    planes: Tensor
    points: Tensor
    depths: Tensor
    weights: Tensor


def _trial(generator: Generator, rays: int) -> _Trial:
    source, side, samples = torch.Generator().manual_seed(0), 8, 8
    channels = generator.config.plane_channels
    return _Trial(
        torch.randn(1, 3, channels, side, side, generator=source),
        (torch.rand(1, rays, samples, 3, generator=source) - 0.5) * generator.rendering.box_warp,
        torch.linspace(2.0, 3.0, samples).expand(1, rays, samples).contiguous(),
        torch.randn(1, rays, channels + 1, generator=source),
    )


@torch.enable_grad()
def _rendered(backend: DecoderBackend, generator: Generator, trial: _Trial, device: torch.device) -> list[Tensor]:
    """Colours and densities, their sums, and gradients for planes, points and the decoder's parameters."""
    decoder: OSGDecoder = copy.deepcopy(generator.decoder).requires_grad_(True).to(device)
    planes, points, depths, weights = (one.to(device) for one in trial)
    planes, points = planes.requires_grad_(True), points.requires_grad_(True)
    field = backend.evaluator(planes, decoder, generator.rendering.box_warp, generator.rendering.plane_axes)
    colours, sigma = field(points.flatten(1, 2))
    samples = RaySamples(depths, sigma.reshape(depths.shape), colours.reshape(*depths.shape, -1))
    sums = backend.composite([samples])
    seen = torch.cat([sums.features, sums.opacity], dim=-1)
    gradients = torch.autograd.grad((seen * weights).sum(), (planes, points, *decoder.parameters()))
    return [one.detach() for one in (colours, sigma, seen, *gradients)]
