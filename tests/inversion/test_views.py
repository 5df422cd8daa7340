"""Claims about cheap views, on a real (small, untrained) generator."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.inversion.start import mean_latent
from gan3dinv_ns.inversion.views import far_limit, orbit_labels, raw_view, with_depth_samples


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    rendering = RenderingOptions(depth_resolution=8, depth_resolution_importance=8, white_back=True)
    config = GeneratorConfig(
        mapping_layers=2, plane_resolution=16, channel_base=256, channel_max=16, neural_rendering_resolution=16,
        rendering=rendering,
    )  # fmt: skip
    return Generator(config).eval().requires_grad_(False)


LABELS = orbit_labels(torch.tensor([0.3, -0.4]), torch.tensor([0.1, 0.0]), 4.2647, 2.7)


def test_raw_view_is_the_raw_image_of_the_synthesis(generator: Generator) -> None:
    ws = mean_latent(generator).expand(1, generator.num_ws, -1)
    planes = generator.planes(ws)
    view = raw_view(generator, planes, LABELS[:1], 16, "midpoint")
    whole = generator.synthesis(ws, LABELS[:1], sampling="midpoint", planes=planes)
    torch.testing.assert_close(view.image, whole["image_raw"])
    torch.testing.assert_close(view.depth, whole["image_depth"])
    torch.testing.assert_close(view.weights, whole["image_weights"])


def test_many_cameras_at_once_see_what_each_sees(generator: Generator) -> None:
    planes = generator.planes(mean_latent(generator).expand(1, generator.num_ws, -1))
    both = raw_view(generator, planes, LABELS, 8, "midpoint")
    assert both.image.shape == (2, 3, 8, 8)
    for index in range(2):
        one = raw_view(generator, planes, LABELS[index : index + 1], 8, "midpoint")
        torch.testing.assert_close(both.image[index], one.image[0], atol=1e-5, rtol=1e-4)


def test_view_is_differentiable_in_the_camera(generator: Generator) -> None:
    planes = generator.planes(mean_latent(generator).expand(1, generator.num_ws, -1))
    label = LABELS[:1].clone().requires_grad_()
    raw_view(generator, planes, label, 8).image.square().sum().backward()
    assert label.grad is not None and torch.isfinite(label.grad).all() and float(label.grad.abs().sum()) > 0


def test_fewer_samples_share_the_weights_and_leave_the_generator_alone(generator: Generator) -> None:
    cheaper = with_depth_samples(generator, (4, 100))
    assert cheaper.rendering.depth_resolution == 4
    assert cheaper.rendering.depth_resolution_importance == 8
    assert generator.rendering.depth_resolution == 8
    assert next(cheaper.parameters()) is next(generator.parameters())


def test_far_limit_is_that_of_the_renderer(generator: Generator) -> None:
    assert far_limit(generator) == 3.3
    boxed = with_depth_samples(generator, (4, 4))
    boxed.rendering = replace(boxed.rendering, ray_start=None, ray_end=None)
    assert far_limit(boxed) == pytest.approx(2.7 + 3**0.5 / 2)
