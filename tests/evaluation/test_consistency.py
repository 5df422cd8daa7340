"""Views of a known surface agree with each other; painted-on differences do not."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix, pixel_centres, ray_directions
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.evaluation.consistency import (
    YAWS_RAD,
    FiveViews,
    carried_to_centre,
    measure_consistency,
    render_five_views,
    round_trip_psnr,
)

SIDE = 64


@pytest.fixture
def plane() -> FiveViews:
    """The plane z = 0.1 with smooth colours, whose depth and picture are known in closed form."""
    label = camera_label(orbit(torch.tensor(YAWS_RAD), torch.zeros(5)), intrinsics_matrix())
    camera_to_world, intrinsics = split_label(label)
    rays = ray_directions(intrinsics, pixel_centres(SIDE, SIDE, label)).flatten(1, 2) @ camera_to_world[:, :3, :3].mT
    origins = camera_to_world[:, None, :3, 3]
    depth = (0.1 - origins[..., 2:]) / rays[..., 2:]
    points = origins + depth * rays
    colours = torch.stack([(8 * points[..., 0]).sin(), (8 * points[..., 1]).cos(), points[..., 0]], dim=-1)
    maps = [values.transpose(1, 2).unflatten(2, (SIDE, SIDE)) for values in (colours, depth)]
    return FiveViews(maps[0], maps[0], maps[1], torch.ones_like(maps[1]), label)


def test_a_textured_plane_is_the_same_from_every_side(plane):
    psnr, share = round_trip_psnr(plane.views(plane.final))
    assert psnr > 45
    assert 0.7 < share <= 1


def test_colours_that_change_with_the_view_cost(plane):
    shifted = plane.final + 0.2 * torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]).view(5, 1, 1, 1)
    psnr, _ = round_trip_psnr([*plane.views(0.5 * shifted)])
    assert psnr == pytest.approx(26, abs=0.5)


def test_only_the_final_image_pays_for_its_noise(plane):
    noise = 0.3 * torch.randn(plane.final.shape, generator=torch.Generator().manual_seed(0))
    views = FiveViews(plane.final + noise, plane.volume, plane.depth, plane.weights, plane.label)
    figures = measure_consistency([views])
    assert figures.volume_psnr > 45 > 25 > figures.final_psnr


def test_a_wrong_depth_is_not_compared(plane):
    depth = plane.depth.clone()
    depth[0] += 0.5
    views = FiveViews(plane.final, plane.volume, depth, plane.weights, plane.label).views(plane.final)
    assert [bool(mask.any()) for _, mask in carried_to_centre(views)] == [False, True, True, True]


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="no samples"):
        measure_consistency([])


def test_five_views_of_a_generator_have_its_size_and_are_repeated_exactly(tiny_generator_file):
    generator = load_generator(tiny_generator_file)
    ws = generator.mapping(torch.zeros(1, generator.z_dim) + 1, torch.zeros(1, generator.c_dim))
    first, second = (render_five_views(generator, ws) for _ in range(2))
    side = generator.img_resolution
    assert first.final.shape == first.volume.shape == (5, 3, side, side)
    assert first.depth.shape == first.weights.shape == (5, 1, side, side)
    assert torch.equal(first.final, second.final) and torch.equal(first.depth, second.depth)
