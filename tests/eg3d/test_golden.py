"""The reference values of the published architecture, to 1e-4 relative error in float32 on the CPU."""

from __future__ import annotations

import hashlib
import platform

import pytest
import torch

from gan3dinv_ns.eg3d import load_discriminator, load_generator
from gan3dinv_ns.eg3d.ray_sampler import sample_rays

TOLERANCE = 1e-4
RESULTS = (
    "ws", "ws_truncated", "ray_origins", "ray_directions", "features", "depth", "weights_sum",
    "points_rgb", "points_sigma", "image", "image_raw", "image_depth",
)  # fmt: skip


@torch.no_grad()
def compute_all(generator, inputs):
    c = inputs["in.c_render"]
    ws = generator.mapping(inputs["in.z"], inputs["in.c_condition"])
    found = {"ws": ws}
    found["ws_truncated"] = generator.mapping(
        inputs["in.z"], inputs["in.c_condition"], truncation_psi=0.7, truncation_cutoff=14
    )
    rays = sample_rays(c[:, :16].reshape(-1, 4, 4), c[:, 16:].reshape(-1, 3, 3), generator.neural_rendering_resolution)
    found["ray_origins"], found["ray_directions"] = rays
    planes = generator.planes(ws)
    names = ("features", "depth", "weights_sum")
    found.update(zip(names, generator.render_rays(planes, *rays, sampling="midpoint"), strict=True))
    field = generator.sample_mixed(inputs["in.points"], torch.zeros_like(inputs["in.points"]), ws)
    found.update(points_rgb=field["rgb"], points_sigma=field["sigma"])
    found.update(generator.synthesis(ws, c, sampling="midpoint"))
    return found


@pytest.fixture(scope="module")
def ffhq(published_pickle, golden_values):
    reference = golden_values("ffhq_2x")
    return compute_all(load_generator(published_pickle), reference), reference


@pytest.fixture(scope="module")
def shapenet(golden_shapenet, golden_values):
    reference = golden_values("shapenet_2x")
    return compute_all(golden_shapenet, reference), reference


@pytest.mark.parametrize("network", ["ffhq", "shapenet"])
@pytest.mark.parametrize("name", RESULTS)
def test_every_reference_tensor_is_reproduced(name, network, request, relative_error):
    found, reference = request.getfixturevalue(network)
    assert relative_error(found[name], reference[name]) < TOLERANCE


def test_no_reference_tensor_is_left_out(golden_values):
    for network in ("ffhq_2x", "shapenet_2x"):
        assert {name for name in golden_values(network) if not name.startswith("in.")} == set(RESULTS)


def test_discriminator_logits_are_reproduced(published_pickle, golden_values, relative_error):
    discriminator = load_discriminator(published_pickle)
    seen = golden_values("ffhq_2x")
    with torch.no_grad():
        logits = discriminator(seen, seen["in.c_render"])
    assert relative_error(logits, golden_values("discriminator")["logits"]) < TOLERANCE


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors draw other last bits")
def test_the_pickle_is_the_published_layout_byte_for_byte(published_pickle, golden_draws):
    assert hashlib.sha256(published_pickle.read_bytes()).hexdigest() == golden_draws["sha256"]


def test_the_embedded_source_would_raise(published_pickle):
    assert b"raise RuntimeError('source code embedded in a checkpoint was executed')" in published_pickle.read_bytes()
