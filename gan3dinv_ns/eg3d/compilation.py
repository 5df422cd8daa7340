"""torch.compile for the convolutional networks of a generator: its backbone and its super-resolution.

What lies between them, lookup, decoding and compositing, has kernels of its own (`backends`).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.eg3d.trial import Unusable, attempt, largest_relative_error, require_agreement

# Relative; half precision is rounded in other places.
_TOLERANCE = 1e-2


def compile_networks(generator: Generator) -> None:
    """Compile the networks in place: the same weights, no copy; a copy of the generator is not compiled.

    They are compiled when they are first called, and again when other tensors ask for gradients; each time takes up to
    a minute. Whether that runs here tells :func:`check_compilation`.
    """
    for network in (generator.backbone.synthesis, generator.superresolution):
        network.compile(dynamic=False)


def is_compiled(generator: Generator) -> bool:
    """Whether :func:`compile_networks` was called with it."""
    return generator.superresolution._compiled_call_impl is not None


def check_compilation(generator: Generator) -> None:
    """Compiles a copy of super-resolution and compares it.

    Args:
        generator: on its device.

    Raises:
        ValueError: torch.compile does not run here, or its gradients are wrong; one line with the fix.
    """
    try:
        with attempt():
            require_agreement(_largest_error(generator), _TOLERANCE, "the networks as they are")
    except Unusable as reason:
        raise ValueError(f"torch.compile {reason}; do without the option compile") from None


def _largest_error(generator: Generator) -> float:
    """Largest relative error of a compiled super-resolution, of its image and its gradient."""
    compiled = copy.deepcopy(generator.superresolution)
    compiled.compile(dynamic=False)
    return largest_relative_error(_trial(compiled, generator), _trial(generator.superresolution, generator))


@torch.enable_grad()
def _trial(superresolution: nn.Module, generator: Generator) -> tuple[Tensor, Tensor]:
    """Image of random features, and the features' gradient of its mean square."""
    source, side = torch.Generator().manual_seed(0), generator.neural_rendering_resolution
    device = next(generator.parameters()).device
    features = torch.randn(1, generator.config.plane_channels, side, side, generator=source).to(device)
    ws = torch.randn(1, generator.num_ws, generator.w_dim, generator=source).to(device)
    features.requires_grad_()
    image = superresolution(features[:, :3], features, ws)[0]
    (gradient,) = torch.autograd.grad(image.square().mean(), features)
    return image.detach(), gradient
