"""The published architectures with random weights: as fast and as large as the published networks, without a download.

The facts are those of EG3D's published training options (Chan et al., 2022, supplement).
"""

from __future__ import annotations

from dataclasses import replace

import torch

from gan3dinv_ns.eg3d.config import DiscriminatorConfig, GeneratorConfig, RenderingOptions
from gan3dinv_ns.eg3d.discriminator import Discriminator
from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.eg3d.layers import FullyConnected
from gan3dinv_ns.eg3d.registry import PUBLISHED

_FACES = RenderingOptions(
    depth_resolution=48,
    depth_resolution_importance=48,
    ray_start=2.25,
    ray_end=3.3,
    raw_is_refined=True,
    avg_camera_radius=2.7,
    avg_camera_pivot=(0.0, 0.0, 0.2),
)
_CATS = replace(_FACES, avg_camera_pivot=(0.0, 0.0, -0.06))
_CARS = RenderingOptions(
    depth_resolution=64,
    depth_resolution_importance=64,
    ray_start=0.1,
    ray_end=2.6,
    box_warp=1.6,
    white_back=True,
    raw_is_refined=True,
    avg_camera_radius=1.7,
)
_DENSE = 2.0
"""Density that the decoder begins with, so that rays meet something."""


def untrained_networks(name: str, device: torch.device | str = "cpu", seed: int = 0) -> tuple[Generator, Discriminator]:
    """Generator and discriminator of a published name, with random weights.

    Args:
        name: one of :data:`~gan3dinv_ns.eg3d.registry.PUBLISHED`.
        device: where they go.
        seed: of the weights.

    Raises:
        ValueError: the name is not known.
    """
    if name not in PUBLISHED:
        raise ValueError(f"generator {name}: no architecture of this name; take {', '.join(PUBLISHED)}")
    cars, cats = (name.startswith(kind) for kind in ("shapenetcars", "afhqcats"))
    config = GeneratorConfig(
        superresolution="2X" if cars else "8XDC",
        neural_rendering_resolution=int(name.rpartition("-")[2]),
        rendering=_CARS if cars else _CATS if cats else _FACES,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = Generator(config)
        discriminator = Discriminator(DiscriminatorConfig(img_resolution=config.img_resolution))
    last = generator.decoder.net[2]
    assert isinstance(last, FullyConnected) and last.bias is not None
    with torch.no_grad():
        last.bias[0] = _DENSE
    for network in (generator, discriminator):
        network.eval().requires_grad_(False).to(device)
    return generator, discriminator
