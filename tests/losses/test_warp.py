"""Claims about the warp of a canonical view, shown on a textured sphere that is rendered exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix, pixel_centres, ray_directions
from gan3dinv_ns.cameras.poses import EulerPose
from gan3dinv_ns.cameras.rotations import orbit, so3_exp
from gan3dinv_ns.losses.warp import View, unproject, visible_in_both, warp, warp_loss

SPHERE = 0.28
FAR = 3.3


def _label(yaw: float = 0.0, pitch: float = 0.0) -> Tensor:
    return camera_label(orbit(yaw, pitch), intrinsics_matrix())


def _sphere(label: Tensor, side: int = 64) -> View:
    """A sphere around the origin with smooth stripes, white behind."""
    camera_to_world, intrinsics = split_label(label)
    rays = ray_directions(intrinsics, pixel_centres(side, side, label))[0] @ camera_to_world[0, :3, :3].T
    centre = camera_to_world[0, :3, 3]
    along = -(rays @ centre)
    discriminant = along.square() - centre.square().sum() + SPHERE**2
    hit = discriminant > 0
    depth = torch.where(hit, along - discriminant.clamp_min(0).sqrt(), torch.full_like(along, FAR))
    points = centre + depth[..., None] * rays
    waves = torch.stack([(9 * points[..., i] + 6 * points[..., (i + 1) % 3]).sin() for i in range(3)])
    image = torch.where(hit, waves, torch.ones_like(waves))
    return View(image[None].float(), depth[None, None], hit[None, None].to(depth), label)


def _masked_error(canonical: View, current: View) -> float:
    return float(warp_loss(canonical, current, current.image, FAR))


def test_warp_of_same_pose_is_identity() -> None:
    view = _sphere(_label())
    image, opacity, hidden = warp(view, view.depth, view.label)
    torch.testing.assert_close(image, view.image, atol=1e-3, rtol=0)
    torch.testing.assert_close(opacity, view.weights, atol=1e-3, rtol=0)
    assert float(hidden.abs().max()) < 1e-3


def test_warp_reproduces_the_other_view_where_both_see_the_surface() -> None:
    canonical, current = _sphere(_label(), 128), _sphere(_label(0.4, -0.2), 128)
    image, opacity, hidden = warp(canonical, current.depth, current.label)
    mask = visible_in_both(current, opacity, hidden, FAR, 0.05)
    assert float(mask.mean()) > 0.3
    assert float(((image - current.image).abs() * mask).mean()) < 0.01


def test_points_behind_the_canonical_surface_are_hidden() -> None:
    canonical, current = _sphere(_label()), _sphere(_label(1.5))
    _, opacity, hidden = warp(canonical, current.depth, current.label)
    mask = visible_in_both(current, opacity, hidden, FAR, 0.05)[0, 0]
    assert float(mask[:, 40:].sum()) == 0  # seen from the side, the far half of the sphere
    assert float(mask[:, 20:30].sum()) > 0


def test_unprojected_depth_lies_on_the_sphere() -> None:
    view = _sphere(_label(0.3, 0.1))
    points = unproject(view.depth, view.label)[0][view.weights.flatten() > 0]
    torch.testing.assert_close(points.norm(dim=1), torch.full((len(points),), SPHERE), atol=1e-5, rtol=0)


def test_true_pose_has_the_smallest_loss() -> None:
    canonical = _sphere(_label())
    photo = _sphere(_label(0.3, 0.1)).image
    errors = {
        (yaw, pitch): float(warp_loss(canonical, _sphere(_label(yaw, pitch)), photo, FAR))
        for yaw in (0.2, 0.3, 0.4)
        for pitch in (0.0, 0.1, 0.2)
    }
    assert min(errors, key=errors.__getitem__) == (0.3, 0.1)


@pytest.mark.parametrize("start", [(0.15, 0.1), (0.45, 0.1), (0.3, 0.25), (0.4, 0.0)])
def test_descending_the_warp_loss_finds_the_pose(start: tuple[float, float]) -> None:
    canonical = _sphere(_label())
    photo = _sphere(_label(0.3, 0.1)).image
    pose = EulerPose(*start)
    optimizer = torch.optim.Adam([pose.angles], lr=0.01)
    for _ in range(40):
        label = camera_label(pose(), intrinsics_matrix())
        seen = _sphere(label.detach())
        loss = warp_loss(canonical, View(seen.image, seen.depth, seen.weights, label), photo, FAR)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert pose.yaw_pitch() == pytest.approx((0.3, 0.1), abs=0.02)


def test_gradient_points_towards_the_truth() -> None:
    canonical = _sphere(_label())
    photo = _sphere(_label(0.3, 0.1)).image
    for offset in (-0.1, 0.1):
        pose = EulerPose(0.3 + offset, 0.1)
        label = camera_label(pose(), intrinsics_matrix())
        seen = _sphere(label.detach())
        warp_loss(canonical, View(seen.image, seen.depth, seen.weights, label), photo, FAR).backward()
        assert pose.angles.grad is not None
        assert float(pose.angles.grad[0, 0]) * offset > 0


def test_gradient_matches_finite_differences() -> None:
    canonical = _sphere(_label())
    canonical = View(*(value.double() for value in vars(canonical).values()))
    seen = _sphere(_label(0.2, 0.1))
    target = _sphere(_label(0.25, 0.1)).image.double()
    turn = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)

    def loss(vector: Tensor) -> Tensor:
        camera = orbit(torch.tensor([0.2], dtype=torch.float64), 0.1)
        turned = torch.block_diag(so3_exp(vector)[0], torch.eye(1, dtype=torch.float64)) @ camera
        label = camera_label(turned, intrinsics_matrix())
        view = View(seen.image.double(), seen.depth.double(), seen.weights.double(), label)
        return warp_loss(canonical, view, target, FAR, tolerance=1.0)

    assert torch.autograd.gradcheck(loss, (turn,), eps=1e-7, atol=1e-4, rtol=1e-3)


def test_gradients_are_finite_where_nothing_is_seen() -> None:
    canonical = _sphere(_label())
    pose = EulerPose(3.1, 0.0)
    label = camera_label(pose(), intrinsics_matrix())
    seen = _sphere(label.detach())
    loss = warp_loss(canonical, View(seen.image, seen.depth, seen.weights * 0, label), canonical.image, FAR)
    loss.backward()
    assert float(loss) == 0
    assert pose.angles.grad is not None and torch.isfinite(pose.angles.grad).all()


def test_warping_a_view_onto_its_own_rendering_costs_nothing() -> None:
    view = _sphere(_label())
    assert _masked_error(view, view) < 1e-5
