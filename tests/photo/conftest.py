"""Pictures of faces that need no photograph: the mean head of the embedded generator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions, load_generator
from gan3dinv_ns.photo import FaceFrame, Square, mean_frame


@pytest.fixture(scope="package")
def generator() -> Generator:
    return load_generator("makehuman128-64")


@pytest.fixture(scope="package")
def faceless_generator() -> Generator:
    torch.manual_seed(0)
    rendering = RenderingOptions(depth_resolution=4, depth_resolution_importance=4)
    config = GeneratorConfig(plane_resolution=32, channel_base=512, channel_max=8, rendering=rendering)
    return Generator(config).eval()


@pytest.fixture(scope="package")
def frame(generator: Generator) -> FaceFrame:
    found = mean_frame(generator)
    assert found is not None
    return found


@pytest.fixture(scope="package")
def seen_from(generator: Generator) -> Callable[..., Tensor]:
    """The mean head [1, 3, 128, 128] from a yaw and a pitch."""

    def seen_from(yaw_rad: float = 0.0, pitch_rad: float = 0.0) -> Tensor:
        w = generator.backbone.mapping.w_avg.expand(1, generator.num_ws, -1)
        with torch.no_grad():
            label = camera_label(orbit(yaw_rad, pitch_rad), intrinsics_matrix())
            return generator.synthesis(w, label, sampling="midpoint")["image"].clamp(-1, 1)

    return seen_from


@pytest.fixture(scope="package")
def portrait(seen_from: Callable[..., Tensor]) -> Tensor:
    """The mean head [1, 3, 128, 128] from the front."""
    return seen_from()


@pytest.fixture(scope="package")
def placed(portrait: Tensor) -> Callable[..., Tensor]:
    """A photo [1, 3, H, W] with the portrait in some squares."""

    def placed(*squares: Square, size: tuple[int, int] = (400, 600)) -> Tensor:
        photo = torch.ones(1, 3, *size)
        for square in squares:
            left, top, side = int(square.left), int(square.top), int(square.side)
            photo[..., top : top + side, left : left + side] = F.interpolate(portrait, (side, side), mode="bilinear")
        return photo

    return placed
