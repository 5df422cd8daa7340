"""What the tests of the nerfstudio side share: a generator that takes a fraction of a second, and a photo."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.eg3d import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    RenderingOptions,
    save_discriminator,
    save_generator,
)
from gan3dinv_ns.ops.image_files import write_image


@pytest.fixture(scope="session")
def tiny_generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random 64 -> 128 generator, dense enough that rays hit something, with its discriminator beside it."""
    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    rendering = RenderingOptions(white_back=True, depth_resolution=8, depth_resolution_importance=8)
    config = GeneratorConfig(plane_resolution=32, channel_base=1024, channel_max=16, rendering=rendering)
    generator = Generator(config)
    with torch.no_grad():
        generator.decoder.net[2].bias[0] = 4.0
    save_generator(generator, folder / "tiny.safetensors")
    discriminator = Discriminator(DiscriminatorConfig(channel_base=1024, channel_max=16))
    save_discriminator(discriminator, folder / "tiny.discriminator.safetensors")
    return folder / "tiny.safetensors"


@pytest.fixture(scope="session")
def photo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An oblong photo with smooth colours."""
    across, down = torch.linspace(-1, 1, 150), torch.linspace(-1, 1, 130)
    red, green = across.expand(130, 150), down[:, None].expand(130, 150)
    path = tmp_path_factory.mktemp("photos") / "my face.png"
    write_image(path, torch.stack([red, green, red * green])[None])
    return path
