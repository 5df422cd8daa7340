"""EG3D: tri-plane generator, volume renderer, super-resolution, dual discriminator, and their files.

Source: Chan et al., "Efficient Geometry-aware 3D Generative Adversarial Networks", CVPR 2022.
"""

from gan3dinv_ns.eg3d.checkpoint import (
    load_discriminator,
    load_generator,
    save_discriminator,
    save_generator,
)
from gan3dinv_ns.eg3d.config import DiscriminatorConfig, GeneratorConfig, RenderingOptions
from gan3dinv_ns.eg3d.discriminator import Discriminator
from gan3dinv_ns.eg3d.generator import Generator

__all__ = [
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "GeneratorConfig",
    "RenderingOptions",
    "load_discriminator",
    "load_generator",
    "save_discriminator",
    "save_generator",
]
