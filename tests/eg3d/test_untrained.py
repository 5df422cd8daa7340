"""Claims about published architectures with random weights."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d.untrained import untrained_networks


def test_the_face_generator_has_the_published_sizes_and_shows_something() -> None:
    generator, discriminator = untrained_networks("ffhqrebalanced512-128")
    assert (generator.img_resolution, generator.neural_rendering_resolution, generator.plane_resolution) == (
        512,
        128,
        256,
    )
    assert generator.num_ws == 14 and discriminator.config.img_resolution == 512
    assert sum(weight.numel() for weight in generator.parameters()) == 30_662_136
    label = camera_label(orbit(0.0, 0.0), intrinsics_matrix())
    with torch.no_grad():
        planes = torch.randn(1, 3, 32, 256, 256)
        seen = generator.synthesis(torch.zeros(1, 14, 512), label, neural_rendering_resolution=8, planes=planes)
    assert seen["image"].shape == (1, 3, 512, 512) and seen["image_weights"].mean() > 0.3


def test_the_same_seed_gives_the_same_weights_and_leaves_the_random_state() -> None:
    before = torch.random.get_rng_state()
    first, second = (untrained_networks("shapenetcars128-64")[0].decoder.net[0].weight for _ in range(2))
    assert torch.equal(first, second) and torch.equal(before, torch.random.get_rng_state())


def test_an_unknown_name_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"generator nobody: no architecture of this name; take ffhq"):
        untrained_networks("nobody")
