"""Gaussians on a picture, against sampling and against gsplat's reference."""

from __future__ import annotations

import math

import pytest
import torch

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.intrinsics import project
from gan3dinv_ns.export.splats.projection import LOW_PASS, project_gaussians

RESOLUTION = 128


def test_projected_gaussian_has_the_mean_and_covariance_of_projected_samples(make_gaussians, label_at):
    gaussians, label = make_gaussians(1, size=0.01), label_at(0.4)
    seen = project_gaussians(gaussians, label, RESOLUTION)
    random = torch.Generator().manual_seed(1)
    samples = torch.randn(400_000, 3, generator=random, dtype=torch.float64) @ gaussians.axes()[0].T
    camera_to_world, intrinsics = split_label(label)
    in_camera = (samples + gaussians.means - camera_to_world[0, :3, 3]) @ camera_to_world[0, :3, :3]
    pixels = project(in_camera[None], intrinsics)[0] * RESOLUTION
    xx, xy, yy = seen.covariances[0]
    low_pass = LOW_PASS * torch.eye(2, dtype=torch.float64)
    covariance = torch.stack([xx, xy, xy, yy]).reshape(2, 2) - low_pass
    sampled = torch.cov(pixels.T)
    torch.testing.assert_close(seen.means[0], pixels.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(covariance, sampled, atol=0.02 * float(sampled.diagonal().max()), rtol=0)
    torch.testing.assert_close(seen.depths[0], in_camera[:, 2].mean(), atol=1e-4, rtol=0)


def test_projection_is_that_of_gsplat(make_gaussians, label_at):
    reference = pytest.importorskip("gsplat.cuda._torch_impl")
    gaussians, label = make_gaussians(50, spread=0.08), label_at(-0.3)
    seen = project_gaussians(gaussians, label, RESOLUTION, antialiased=False)
    covariances, _ = reference._quat_scale_to_covar_preci(
        torch.nn.functional.normalize(gaussians.quaternions, dim=1), gaussians.log_scales.exp(), compute_preci=False
    )
    camera_to_world, intrinsics = split_label(label)
    pixels = intrinsics * torch.tensor([RESOLUTION, RESOLUTION, 1.0], dtype=torch.float64)[:, None]
    _, means, depths, conics, compensations = reference._fully_fused_projection(
        gaussians.means, covariances, torch.linalg.inv(camera_to_world), pixels, RESOLUTION, RESOLUTION,
        eps2d=LOW_PASS, calc_compensations=True,
    )  # fmt: skip
    torch.testing.assert_close(seen.means, means[0])
    torch.testing.assert_close(seen.depths, depths[0])
    torch.testing.assert_close(seen.conics(), conics[0])
    torch.testing.assert_close(seen.log_opacities.exp(), gaussians.opacity_logits.sigmoid())
    antialiased = project_gaussians(gaussians, label, RESOLUTION).log_opacities - seen.log_opacities
    torch.testing.assert_close(antialiased.exp(), compensations[0])


def test_antialiasing_keeps_the_light_that_a_gaussian_blocks(make_gaussians, label_at):
    gaussians = make_gaussians(20, size=0.003)
    coarse, fine = (project_gaussians(gaussians, label_at(0.2), side) for side in (64, 4096))

    def blocked(seen, side):
        xx, xy, yy = seen.covariances.unbind(1)
        return 2 * math.pi * seen.log_opacities.exp() * (xx * yy - xy * xy).sqrt() / side**2

    torch.testing.assert_close(blocked(coarse, 64), blocked(fine, 4096), rtol=0.02, atol=0)


def test_length_of_a_quaternion_does_not_matter(make_gaussians, label_at):
    gaussians = make_gaussians(5)
    stretched = type(gaussians)(**{**gaussians.tensors(), "quaternions": gaussians.quaternions * -3})
    first, second = (project_gaussians(each, label_at(0.1), RESOLUTION) for each in (gaussians, stretched))
    torch.testing.assert_close(first.covariances, second.covariances)
