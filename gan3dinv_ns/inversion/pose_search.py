"""The search for the camera from which a head looks most like the photo."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.inversion.settings import StartSettings
from gan3dinv_ns.inversion.views import orbit_labels, raw_view, with_depth_samples
from gan3dinv_ns.losses.reconstruction import PhotoTarget

_UNCLEAR = 0.02
"""Errors that differ by less say nothing about which camera is right."""


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


class PoseSearch:
    """Compares small renderings of one head with the photo; nothing in it is random.

    Args:
        generator: of the head.
        latent: ``w [1, 1, w_dim]`` of the head.
        target: the photo.
        settings: grid, sizes and rounds.
        focal: focal length over image width.
    """

    def __init__(
        self, generator: Generator, latent: Tensor, target: PhotoTarget, settings: StartSettings, focal: float
    ) -> None:
        self.generator = with_depth_samples(generator, settings.depth_samples)
        self.latent = latent.expand(1, generator.num_ws, -1)
        self.target, self.settings, self.focal = target, settings, focal

    @cached_property
    def planes(self) -> Tensor:
        """Tri-planes ``[1, 3, C, R, R]`` of the head; made when cameras are first compared."""
        with torch.no_grad():
            return self.generator.planes(self.latent)

    @torch.no_grad()
    def best(self) -> tuple[float, float]:
        """Yaw and pitch in radians.

        A grid of small renderings in one batch is scored without regard to colour; the best ones are compared again
        with the perceptual distance, and the best of these is refined on ever finer grids.
        """
        settings = self.settings
        poses, spacing = self._grid(settings.yaw_count, settings.pitch_count)
        best = self._best_of(poses)
        around = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0]).to(poses)] * 2)
        for _ in range(settings.refinements):
            spacing = spacing / 2
            best = self._best_of(best + around * spacing)
        return float(best[0]), float(best[1])

    @torch.no_grad()
    def beats(self, camera_to_world: Tensor) -> bool:
        """Whether a coarse grid has a camera that explains the photo clearly better than ``[1, 4, 4]``."""
        label = camera_label(camera_to_world, intrinsics_matrix(self.focal).to(camera_to_world))
        error = float(self._errors(label)[0])
        poses, _ = self._grid(*self.settings.check_counts)
        least = float(self._errors(self._labels(poses)).min())
        return least < min(self.settings.clearly_better * error, error - _UNCLEAR)

    def _grid(self, yaw_count: int, pitch_count: int) -> tuple[Tensor, Tensor]:
        """Yaws and pitches ``[N, 2]``, and the spacing ``[2]`` between them."""
        settings = self.settings
        yaws = torch.linspace(-settings.yaw_range, settings.yaw_range, yaw_count).to(self.planes)
        pitches = torch.linspace(-settings.pitch_range, settings.pitch_range, pitch_count).to(self.planes)
        return torch.cartesian_prod(yaws, pitches), torch.stack([_spacing(yaws), _spacing(pitches)])

    def _labels(self, poses: Tensor) -> Tensor:
        return orbit_labels(poses[:, 0], poses[:, 1], self.focal, self.generator.rendering.avg_camera_radius)

    def _errors(self, labels: Tensor) -> Tensor:
        side = self.settings.resolution
        small = raw_view(self.generator, self.planes, labels.to(self.planes), side, "midpoint")
        return colour_blind_error(small.image, self.target.at(side))

    def _best_of(self, poses: Tensor) -> Tensor:
        """The best (yaw, pitch) of ``poses [N, 2]``."""
        labels = self._labels(poses)
        errors = self._errors(labels)
        few = errors.topk(min(self.settings.candidates, len(errors)), largest=False).indices
        scores = []
        for index in few.tolist():
            rendered = self.generator.synthesis(
                self.latent, labels[index : index + 1], sampling="midpoint", planes=self.planes
            )
            scores.append(float(errors[index]) + float(self.target.distance(rendered)))
        return poses[few[scores.index(min(scores))]]


def _spacing(values: Tensor) -> Tensor:
    return values[1] - values[0] if len(values) > 1 else torch.zeros_like(values[0])
