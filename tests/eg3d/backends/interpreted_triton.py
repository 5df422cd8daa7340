"""The Triton kernels against torch, in Triton's interpreter; `test_triton_backend.py` runs this file in a process whose
environment says so, so that no other test meets interpreted kernels."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.backends.backend import TORCH, DecoderBackend, RaySamples
from gan3dinv_ns.eg3d.backends.choice import largest_error, use_backend
from gan3dinv_ns.eg3d.backends.triton_backend import TritonBackend
from gan3dinv_ns.eg3d.decoder import OSGDecoder
from gan3dinv_ns.eg3d.renderer import render_rays

TRITON = TritonBackend()
ROUNDING = 5e-6
"""Relative, of float32 sums in another order."""


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found.detach().double() - expected.detach().double()).norm() / expected.detach().double().norm())


def decoder_with_biases(channels: int, outputs: int, lr_multiplier: float = 1.0) -> OSGDecoder:
    decoder = OSGDecoder(channels, outputs, lr_multiplier)
    for layer in (decoder.net[0], decoder.net[2]):
        torch.nn.init.normal_(layer.bias)
    return decoder


def decoded(backend: DecoderBackend, dtype, decoder, planes, points, seeds, box_warp, axes) -> tuple[Tensor, ...]:
    """Colours, densities, and the gradients of planes, points, and both layers' weights and biases."""
    decoder = copy.deepcopy(decoder).to(dtype)
    planes, points = planes.to(dtype).requires_grad_(), points.to(dtype).requires_grad_()
    found = backend.evaluator(planes, decoder, box_warp, axes)(points)
    loss = sum((value * seed.to(dtype)).sum() for value, seed in zip(found, seeds, strict=True))
    return *found, *torch.autograd.grad(loss, (planes, points, *decoder.parameters()))


@pytest.mark.parametrize(
    ("axes", "box_warp", "channels", "outputs", "batch", "count", "resolution", "lr_multiplier"),
    [
        ("eg3d", 1.0, 32, 32, 2, 75, 8, 1.0),
        ("yz", 1.3, 32, 32, 1, 64, 16, 0.5),
        ("yz", 0.7, 12, 5, 3, 11, 5, 1.0),
    ],
)
def test_points_have_the_values_and_gradients_of_torch(
    axes, box_warp, channels, outputs, batch, count, resolution, lr_multiplier
):
    torch.manual_seed(0)
    decoder = decoder_with_biases(channels, outputs, lr_multiplier)
    planes = torch.randn(batch, 3, channels, resolution, resolution)
    points = (torch.rand(batch, count, 3) - 0.5) * 1.5 * box_warp
    seeds = torch.randn(batch, count, outputs), torch.randn(batch, count, 1)
    arguments = (decoder, planes, points, seeds, box_warp, axes)
    found = decoded(TRITON, torch.float32, *arguments)
    expected = decoded(TORCH, torch.float64, *arguments)
    assert points.abs().amax(-1).gt(0.5 * box_warp + box_warp / resolution).any()
    assert max(relative_error(a, b) for a, b in zip(found, expected, strict=True)) < ROUNDING


def test_gradients_are_those_of_torch_whichever_are_asked_for():
    torch.manual_seed(0)
    decoder, planes, points = decoder_with_biases(32, 32), torch.randn(1, 3, 32, 8, 8), torch.rand(1, 40, 3) - 0.5
    leaves = (planes, points, *decoder.parameters())
    for wanted in ([0], [1], [0, 2, 3, 4, 5], [5]):
        for index, leaf in enumerate(leaves):
            leaf.requires_grad_(index in wanted)
        found, expected = (
            torch.autograd.grad(sum(map(Tensor.sum, values)), [leaves[index] for index in wanted])
            for values in (backend.evaluator(planes, decoder, 1.0, "yz")(points) for backend in (TRITON, TORCH))
        )
        assert max(relative_error(a, b) for a, b in zip(found, expected, strict=True)) < ROUNDING


@torch.no_grad()
def test_points_outside_read_zero_and_those_that_are_not_numbers_stay_so():
    decoder = decoder_with_biases(32, 32)
    points = torch.tensor([[[0.9, 0.9, 0.9], [1e9, -1e9, 1e9], [torch.inf, 0.9, -torch.inf], [torch.nan, 0.0, 0.0]]])
    colours, sigma = TRITON.evaluator(torch.ones(1, 3, 32, 8, 8), decoder, 1.0, "eg3d")(points)
    expected, density = decoder(torch.zeros(3, 32))
    torch.testing.assert_close(colours[0, :3], expected)
    torch.testing.assert_close(sigma[0, :3], density)
    assert colours[0, 3].isnan().all() and sigma[0, 3].isnan().all()


def test_no_points_are_no_problem():
    planes, points = torch.ones(1, 3, 32, 8, 8, requires_grad=True), torch.zeros(1, 0, 3)
    colours, sigma = TRITON.evaluator(planes, decoder_with_biases(32, 32), 1.0, "eg3d")(points)
    assert colours.shape == (1, 0, 32) and sigma.shape == (1, 0, 1)
    assert not torch.autograd.grad(colours.sum() + sigma.sum(), planes)[0].any()


def test_views_that_share_planes_read_them_as_if_each_had_its_own():
    torch.manual_seed(0)
    decoder, points = decoder_with_biases(32, 32), torch.rand(3, 20, 3) - 0.5
    planes = torch.randn(1, 3, 32, 8, 8, requires_grad=True)
    seed = torch.randn(3, 20, 32)
    own = planes.repeat(3, 1, 1, 1, 1)
    found, expected = (
        TRITON.evaluator(one, decoder, 1.0, "eg3d")(points)[0] for one in (planes.expand(3, -1, -1, -1, -1), own)
    )
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad((one * seed).sum(), planes)[0] for one in (found, expected))
    torch.testing.assert_close(*gradients)


def composited(backend: DecoderBackend, dtype, counts: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Sums along rays, among them two that meet nothing and one that hits a wall, and their gradients."""
    source = torch.Generator().manual_seed(2)

    def draw(function, *shape):
        return function(2, 3, *shape, generator=source, dtype=torch.float64)

    passes, leaves = [], []
    for count in counts:
        depths, sigma = draw(torch.rand, count).sort().values * 2 + 1, draw(torch.randn, count) * 5
        sigma[0, 0], sigma[0, 1], sigma[1, 0], sigma[1, 1] = -1e4, -30.0, 1e4, -3.0
        colours = draw(torch.rand, count, 5)
        leaves += [one.to(dtype).requires_grad_() for one in (depths, sigma, colours)]
        passes.append(RaySamples(*leaves[-3:]))
    sums = backend.composite(passes)
    seen = (sums.features, sums.depth.clamp(1.0, 3.0), sums.opacity)
    loss = sum((one * draw(torch.randn, one.shape[-1]).to(dtype)).sum() for one in seen)
    return *seen, sums.depth.isinf().to(dtype), *torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("counts", [(7,), (6, 11), (2,)])
def test_rays_have_the_sums_and_gradients_of_torch(counts):
    found, same_precision = (composited(one, torch.float32, counts) for one in (TRITON, TORCH))
    expected = composited(TORCH, torch.float64, counts)
    assert expected[3][0, :2].all() and not expected[3][0, 2:].any()
    # Where a wall stands, the gradient of the depths is 10,000 times that of the optical depth, and so are its errors.
    for ours, torchs, exact in zip(found, same_precision, expected, strict=True):
        assert relative_error(ours, exact) < ROUNDING + 5 * relative_error(torchs, exact)


def test_faint_rays_keep_their_relative_precision():
    sigma = torch.full((1, 3, 6), -9.0)
    samples = RaySamples(torch.linspace(1, 2, 6).expand(1, 3, 6), sigma, torch.ones(1, 3, 6, 4))
    assert relative_error(TRITON.composite([samples]).opacity, TORCH.composite([samples]).opacity) < ROUNDING


@pytest.mark.parametrize("importance", [0, 6])
def test_whole_renderings_agree(small_config, importance):
    torch.manual_seed(0)
    generator = Generator(small_config)
    generator.set_rendering(depth_resolution_importance=importance)
    planes = torch.randn(1, 3, 32, 16, 16, requires_grad=True)
    directions = torch.nn.functional.normalize(torch.tensor([0.0, 0.0, -1.0]) + 0.1 * torch.randn(1, 6, 3), dim=-1)
    directions[0, 0] = torch.tensor([0.0, 1.0, 0.0])
    origins = torch.tensor([0.0, 0.0, 2.7]).expand(1, 6, 3)
    results = []
    for backend in (TRITON, TORCH):
        torch.manual_seed(1)
        seen = render_rays(
            planes, generator.decoder, origins, directions, generator.rendering, "stratified", None, backend
        )
        values = (seen.features, seen.depth, seen.weights_sum)
        loss = sum(one.square().sum() for one in values)
        results.append((*values, *torch.autograd.grad(loss, (planes, *generator.decoder.parameters()))))
    assert max(relative_error(a, b) for a, b in zip(*results, strict=True)) < 1e-4


def test_the_named_backend_renders_the_generators_pictures(small_config, frontal):
    torch.manual_seed(0)
    generator = Generator(small_config).eval()
    generator.neural_rendering_resolution = 3
    ws = torch.randn(1, generator.num_ws, generator.w_dim)
    expected = generator.synthesis(ws, frontal, sampling="midpoint")["image"]
    assert use_backend(generator, "triton") is None and generator.backend == TRITON
    shared = copy.deepcopy(generator)
    assert shared.backend == TRITON
    assert relative_error(shared.synthesis(ws, frontal, sampling="midpoint")["image"], expected) < 1e-4
    assert use_backend(generator, "auto") is None and generator.backend == TORCH


def test_a_backend_that_computes_something_else_is_found_out(small_config):
    class Wrong(TritonBackend):
        def composite(self, passes):
            return super().composite([one._replace(sigma=one.sigma + 0.1) for one in passes])

    generator = Generator(small_config)
    assert largest_error(TRITON, generator, rays=3) < ROUNDING
    assert largest_error(Wrong(), generator, rays=3) > TRITON.tolerance
