from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.eg3d.triplanes import PlaneReader, project_onto_planes, sample_planes


def planes_and_points(dtype=torch.float32, resolution=8):
    torch.manual_seed(0)
    planes = torch.randn(2, 3, 4, resolution, resolution, dtype=dtype)
    points = (torch.rand(2, 50, 3, dtype=dtype) - 0.5) * 1.6
    return planes.requires_grad_(), points.requires_grad_()


@pytest.mark.parametrize("plane_axes", ["eg3d", "yz"])
@pytest.mark.parametrize("box_warp", [1.0, 1.3])
def test_reader_agrees_with_grid_sample_in_values_and_gradients(plane_axes, box_warp):
    planes, points = planes_and_points(torch.float64)
    expected = sample_planes(planes, points, box_warp, plane_axes)
    found = PlaneReader(planes, box_warp, plane_axes)(points)
    torch.testing.assert_close(found, expected)
    seed = torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad(found, (planes, points), seed),
        torch.autograd.grad(expected, (planes, points), seed),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("read", [sample_planes, lambda p, x, b, a: PlaneReader(p, b, a)(x)])
def test_gradients_are_those_of_finite_differences(read):
    planes, points = planes_and_points(torch.float64, resolution=4)
    assert torch.autograd.gradcheck(lambda p, x: read(p, x[:, :3], 1.0, "yz"), (planes, points))


def test_third_plane_repeats_the_second_or_reads_y_and_z():
    point = torch.tensor([[[0.1, 0.2, 0.3]]])
    quirk, fixed = (project_onto_planes(point, 2.0, axes)[0, :, 0] for axes in ("eg3d", "yz"))
    torch.testing.assert_close(quirk, torch.tensor([[0.1, 0.2], [0.1, 0.3], [0.3, 0.1]]))
    torch.testing.assert_close(fixed, torch.tensor([[0.1, 0.2], [0.1, 0.3], [0.2, 0.3]]))


@pytest.mark.parametrize(("plane_axes", "depends"), [("eg3d", False), ("yz", True)])
def test_third_plane_sees_y_only_when_switched(plane_axes, depends):
    planes = torch.zeros(1, 3, 1, 8, 8)
    planes[:, 2].normal_(generator=torch.Generator().manual_seed(0))
    points = torch.tensor([[[0.1, -0.2, 0.2], [0.1, 0.3, 0.2]]])
    low, high = PlaneReader(planes, 1.0, plane_axes)(points)[0, :, 0]
    assert (low != high).item() is depends


def test_outside_of_the_box_the_planes_are_zero():
    planes = torch.ones(1, 3, 2, 8, 8)
    points = torch.tensor([[[0.0, 0.0, 0.0], [0.9, 0.9, 0.9], [1e9, -1e9, 1e9]]])
    features = PlaneReader(planes, 1.0)(points)
    torch.testing.assert_close(features[0, :, 0], torch.tensor([1.0, 0.0, 0.0]))


def test_points_that_are_not_numbers_stay_so():
    features = PlaneReader(torch.ones(1, 3, 2, 8, 8), 1.0)(torch.full((1, 2, 3), torch.nan))
    assert features.isnan().all()


def test_planes_of_one_batch_entry_do_not_leak_into_another():
    planes = torch.zeros(2, 3, 1, 4, 4)
    planes[1] = 1.0
    points = torch.zeros(2, 5, 3)
    assert PlaneReader(planes, 1.0)(points).flatten(1).mean(dim=1).tolist() == pytest.approx([0.0, 1.0])
