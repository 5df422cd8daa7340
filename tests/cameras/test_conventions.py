"""Claims about the conventions: labels, nerfstudio's cameras, images."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.conventions import (
    camera_label,
    from_nerfstudio,
    image_from_hwc01,
    image_to_hwc01,
    points_from_nerfstudio,
    points_to_nerfstudio,
    split_label,
    to_nerfstudio,
)
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit

YAW = torch.tensor([0.0, 0.4, -1.2, 3.0])
PITCH = torch.tensor([0.0, -0.2, 0.7, 0.1])


def test_label_round_trip() -> None:
    cameras = orbit(YAW, PITCH)
    label = camera_label(cameras, intrinsics_matrix())
    assert label.shape == (4, 25)
    camera_to_world, intrinsics = split_label(label)
    assert torch.equal(camera_to_world, cameras)
    assert torch.equal(intrinsics, intrinsics_matrix(n=4))


def test_frontal_label_is_eg3ds() -> None:
    label = camera_label(orbit(0.0, 0.0), intrinsics_matrix())
    expected = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]
    torch.testing.assert_close(label, torch.tensor([expected]))


@pytest.mark.parametrize("shape", [(25,), (1, 24), (2, 5, 5)])
def test_wrong_label_says_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="25"):
        split_label(torch.zeros(shape))


def test_nerfstudio_round_trip() -> None:
    cameras = orbit(YAW, PITCH)
    there = to_nerfstudio(cameras)
    assert there.shape == (4, 3, 4)
    torch.testing.assert_close(from_nerfstudio(there), cameras)
    torch.testing.assert_close(to_nerfstudio(from_nerfstudio(there)), there)


def test_nerfstudio_rotations_are_proper() -> None:
    torch.testing.assert_close(torch.linalg.det(to_nerfstudio(orbit(YAW, PITCH))[:, :, :3]), torch.ones(4))


def test_frontal_camera_is_upright_in_nerfstudio() -> None:
    camera = to_nerfstudio(orbit(0.0, 0.0))[0]
    torch.testing.assert_close(camera[:, 1], torch.tensor([0.0, 0.0, 1.0]))  # camera up is the world's z
    torch.testing.assert_close(camera[:, 2], torch.tensor([0.0, 1.0, 0.0]))  # camera back is away from the head
    torch.testing.assert_close(camera[:, 3], torch.tensor([0.0, 2.7, 0.0]))


def test_points_and_cameras_agree() -> None:
    cameras = orbit(YAW, PITCH)
    torch.testing.assert_close(points_to_nerfstudio(cameras[:, :3, 3]), to_nerfstudio(cameras)[:, :, 3])
    points = torch.randn(7, 3)
    torch.testing.assert_close(points_from_nerfstudio(points_to_nerfstudio(points)), points)


def test_image_round_trip() -> None:
    image = torch.rand(1, 3, 4, 5) * 2 - 1
    hwc = image_to_hwc01(image)
    assert hwc.shape == (4, 5, 3)
    assert float(hwc.min()) >= 0 and float(hwc.max()) <= 1
    torch.testing.assert_close(image_from_hwc01(hwc), image)
