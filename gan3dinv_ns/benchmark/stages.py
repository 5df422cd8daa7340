"""The stages of a rendering, each timed alone: forward, and forward with the gradients that an inversion asks for (to
the latent, the camera and all weights)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from gan3dinv_ns.benchmark.measurement import Measurement, measured
from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.ray_sampler import sample_rays

STAGES = ("backbone", "rendering", "super-resolution", "frame", "whole")
"""From the latent to the planes; these to features; these to the image; the last two together, as a viewer asks for
whose planes are there; and all of it."""

_YAW_RAD, _PITCH_RAD = 0.3, 0.1

Tell = Callable[[str], None]
"""Told what is measured next."""

_Stage = tuple[Callable[..., Tensor], tuple[Tensor, ...]]


def render_suite(generator: Generator, repeats: int, tell: Tell) -> list[Measurement]:
    """Measure all stages of one image.

    Args:
        generator: its weights take part in the gradients; they are not changed.
        repeats: timed calls of each kind; the median counts.
        tell: see ``Tell``.

    Raises:
        ValueError: `repeats` is less than 1.
    """
    rows = []
    for name, stage in _stages(generator).items():
        tell(name)
        rows += both_ways(generator, name, stage, repeats)
    return rows


def both_ways(generator: Generator, name: str, stage: _Stage, repeats: int) -> list[Measurement]:
    """Forward, and forward and backward, of a function of tensors."""
    call, sources = stage

    def forward() -> None:
        with torch.no_grad():
            call(*sources)

    def backward() -> None:
        inputs = [source.detach().requires_grad_() for source in sources]
        call(*inputs).square().mean().backward()

    with wanting_gradients(generator, False):
        first = measured(name, forward, repeats, [generator])
    with wanting_gradients(generator, True):
        return [first, measured(f"{name} + backward", backward, repeats, [generator])]


def whole_image(generator: Generator, batch: int = 1, side: int | None = None) -> _Stage:
    """Latents of a batch to images, the rendering of so many pixels (None: the generator's own)."""
    label, ws = _label(generator).expand(batch, -1), _latent(generator).expand(batch, -1, -1)
    return lambda ws, label: generator.synthesis(ws, label, side)["image"], (ws, label)


@contextmanager
def wanting_gradients(generator: Generator, wanted: bool) -> Iterator[None]:
    """Lets all weights want gradients, or none; afterwards they are as before, without gradients."""
    before = [parameter.requires_grad for parameter in generator.parameters()]
    try:
        generator.requires_grad_(wanted)
        yield
    finally:
        for parameter, flag in zip(generator.parameters(), before, strict=True):
            parameter.requires_grad_(flag)
            parameter.grad = None


def _stages(generator: Generator) -> dict[str, _Stage]:
    label, ws = _label(generator), _latent(generator)
    side = generator.neural_rendering_resolution
    noise = generator.rendering.superresolution_noise_mode

    def render(planes: Tensor, label: Tensor) -> Tensor:
        rays = sample_rays(*split_label(label), side)
        return generator.render_rays(planes, *rays)[0].transpose(1, 2).unflatten(2, (side, side)).contiguous()

    def refine(features: Tensor, ws: Tensor) -> Tensor:
        return generator.superresolution(features[:, :3], features, ws, noise)[0]

    with torch.no_grad():
        planes = generator.planes(ws)
        features = render(planes, label)
    stages: tuple[_Stage, ...] = (
        (generator.planes, (ws,)),
        (render, (planes, label)),
        (refine, (features, ws)),
        (lambda planes, ws, label: generator.synthesis(ws, label, planes=planes)["image"], (planes, ws, label)),
        whole_image(generator),
    )
    return dict(zip(STAGES, stages, strict=True))


def _label(generator: Generator) -> Tensor:
    device = next(generator.parameters()).device
    return camera_label(orbit(_YAW_RAD, _PITCH_RAD), intrinsics_matrix()).to(device)


def _latent(generator: Generator) -> Tensor:
    label = _label(generator)
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0)).to(label)
    with torch.no_grad():
        return generator.mapping(z, label)
