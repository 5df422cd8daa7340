"""Where an inversion starts: the mean latent, and the camera from which the mean head looks most like the photo."""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.inversion.settings import StartSettings
from gan3dinv_ns.inversion.views import raw_view, with_depth_samples
from gan3dinv_ns.losses.latent_prior import LatentPrior
from gan3dinv_ns.losses.reconstruction import PhotoTarget

_SAMPLES_OF_W = 4096


def mean_latent(generator: Generator) -> Tensor:
    """The mean of w, ``[1, 1, w_dim]``: one w for all layers, the W space."""
    return generator.backbone.mapping.w_avg.detach().clone().reshape(1, 1, -1)


@torch.no_grad()
def latent_prior(generator: Generator, label: Tensor, seed: int) -> LatentPrior:
    """The distribution of w.

    Args:
        label: ``[1, 25]`` the camera that the mapping is conditioned on.
        seed: of the samples.
    """
    source = torch.Generator().manual_seed(seed)
    z = torch.randn(_SAMPLES_OF_W, generator.z_dim, generator=source).to(label)
    w = generator.mapping(z, label.expand(_SAMPLES_OF_W, -1))[:, 0]
    return LatentPrior.fit(w, mean_latent(generator)[0, 0])


def orbit_labels(yaw: Tensor, pitch: Tensor, focal: float, radius: float) -> Tensor:
    """Labels ``[N, 25]`` of cameras that look at the origin."""
    return camera_label(orbit(yaw, pitch, radius), intrinsics_matrix(focal).to(yaw))


def colour_blind_error(images: Tensor, photo: Tensor) -> Tensor:
    """How badly each picture explains the photo after the best gain and offset of each channel.

    The mean head has neither the photo's skin and hair nor its background; what is left after the best affine map
    of the colours is the part of the photo's structure that the picture does not show.

    Args:
        images: ``[N, 3, h, w]``.
        photo: ``[1, 3, h, w]``.

    Returns:
        ``[N]``, between 0 and 1: the unexplained fraction of the photo's variance.
    """
    x = images.flatten(2) - images.flatten(2).mean(dim=2, keepdim=True)
    y = photo.flatten(2) - photo.flatten(2).mean(dim=2, keepdim=True)
    covariance = (x * y).mean(dim=2).clamp_min(0.0)
    explained = covariance.square() / x.square().mean(dim=2).clamp_min(1e-8)
    variance = y.square().mean(dim=2)
    return 1.0 - explained.sum(dim=1) / variance.sum(dim=1).clamp_min(1e-8)


@torch.no_grad()
def find_pose(generator: Generator, target: PhotoTarget, settings: StartSettings, focal: float) -> tuple[float, float]:
    """Yaw and pitch in radians from which the mean head resembles the photo most.

    A grid of small renderings in one batch is scored without regard to colour; the best ones are compared again
    with the perceptual distance, and the best of these is refined on ever finer grids.
    """
    generator = with_depth_samples(generator, settings.depth_samples)
    latent = mean_latent(generator).expand(1, generator.num_ws, -1)
    planes = generator.planes(latent)
    yaws = torch.linspace(-settings.yaw_range, settings.yaw_range, settings.yaw_count).to(planes)
    pitches = torch.linspace(-settings.pitch_range, settings.pitch_range, settings.pitch_count).to(planes)
    poses = torch.cartesian_prod(yaws, pitches)
    best = _best(generator, planes, latent, target, poses, settings, focal)
    steps = torch.tensor([-1.0, 0.0, 1.0]).to(planes)
    spacing = torch.stack([_spacing(yaws), _spacing(pitches)])
    for _ in range(settings.refinements):
        spacing = spacing / 2
        poses = best + torch.cartesian_prod(steps, steps) * spacing
        best = _best(generator, planes, latent, target, poses, settings, focal)
    return float(best[0]), float(best[1])


def _spacing(values: Tensor) -> Tensor:
    return values[1] - values[0] if len(values) > 1 else torch.zeros_like(values[0])


def _best(
    generator: Generator,
    planes: Tensor,
    latent: Tensor,
    target: PhotoTarget,
    poses: Tensor,
    settings: StartSettings,
    focal: float,
) -> Tensor:
    """The best (yaw, pitch) of ``poses [N, 2]``."""
    labels = orbit_labels(poses[:, 0], poses[:, 1], focal, generator.rendering.avg_camera_radius)
    small = raw_view(generator, planes, labels, settings.resolution)
    errors = colour_blind_error(small.image, target.at(settings.resolution))
    few = errors.topk(min(settings.candidates, len(errors)), largest=False).indices
    scores = []
    for index in few.tolist():
        rendered = generator.synthesis(latent, labels[index : index + 1], planes=planes)
        scores.append(float(errors[index]) + float(target.distance(rendered)))
    return poses[few[scores.index(min(scores))]]
