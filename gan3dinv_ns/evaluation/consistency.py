"""Is it the same head from every side? Views of a sample are carried to the centre view and compared with it.

Each pixel of the centre view has a depth, so its place in a side view is known (:mod:`gan3dinv_ns.losses.warp`). A
field without view-dependent colours agrees with itself up to resampling and depth errors; super-resolution, which works
on each picture alone, need not. Both are compared at the same size and through the same depth, so their difference is
what super-resolution costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.evaluation.metrics import BEST_PSNR
from gan3dinv_ns.losses.warp import View, visible_in_both, warp

YAWS_RAD = (-0.5, -0.25, 0.0, 0.25, 0.5)
"""Yaws of the five views; the centre is the one in the middle."""
CENTRE = YAWS_RAD.index(0.0)

_TOLERANCE_BOX = 0.02


@dataclass(frozen=True)
class FiveViews:
    """A sample from five sides.

    Attributes:
        final: pictures ``[5, 3, R, R]`` of the whole generator.
        volume: ``[5, 3, R, R]`` of the volume rendering alone, rendered at the same size.
        depth: ``[5, 1, R, R]`` in box units.
        weights: ``[5, 1, R, R]`` opacity in [0, 1].
        label: ``[5, 25]``.
    """

    final: Tensor
    volume: Tensor
    depth: Tensor
    weights: Tensor
    label: Tensor

    def views(self, image: Tensor) -> list[View]:
        """The five views with ``image``, which is ``final`` or ``volume``."""
        parts = (value.split(1) for value in (image, self.depth, self.weights, self.label))
        return [View(*part) for part in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Consistency:
    """Figures of the round trip over all samples: means over the four side views.

    Attributes:
        final_psnr: of the whole generator's pictures, dB.
        volume_psnr: of the volume rendering, dB.
        visible_share: part of the centre view's head that a side view sees too.
    """

    final_psnr: float
    volume_psnr: float
    visible_share: float


@torch.no_grad()
def render_five_views(generator: Generator, ws: Tensor) -> FiveViews:
    """Render a latent ``ws [1, num_ws, w_dim]`` from `YAWS_RAD`, on the generator's device."""
    radius = generator.rendering.avg_camera_radius
    yaws = torch.tensor(YAWS_RAD)
    label = camera_label(orbit(yaws, torch.zeros_like(yaws), radius), intrinsics_matrix()).to(ws)
    planes, side = generator.planes(ws), generator.img_resolution
    final, seen = [], []
    for one in label.split(1):
        final.append(generator.synthesis(ws, one, sampling="midpoint", planes=planes)["image"])
        rays = sample_rays(*split_label(one), side)
        seen.append(generator.render_rays(planes, *rays, sampling="midpoint"))
    features, depth, weights = (
        torch.cat([view[i] for view in seen]).transpose(1, 2).unflatten(2, (side, side)) for i in range(3)
    )
    return FiveViews(torch.cat(final), features[:, :3], depth, weights, label)


@torch.no_grad()
def carried_to_centre(views: list[View]) -> list[tuple[Tensor, Tensor]]:
    """The other views carried to the centre one: pictures ``[1, 3, R, R]``, masks ``[1, 1, R, R]`` of what both see."""
    centre = views[CENTRE]
    carried = []
    for place, view in enumerate(views):
        if place != CENTRE:
            picture, opacity, hidden = warp(view, centre.depth, centre.label)
            carried.append((picture, visible_in_both(centre, opacity, hidden, math.inf, _TOLERANCE_BOX)))
    return carried


def round_trip_psnr(views: list[View]) -> tuple[float, float]:
    """PSNR in dB between the centre view and the four others carried to it, over pixels visible in both.

    Returns:
        the mean over the four views; the mean share of the centre view's solid pixels that were compared. Views that
        share nothing count with 0 dB.
    """
    centre = views[CENTRE]
    solid = float((centre.weights > 0.5).sum())
    figures, shares = [], []
    for picture, mask in carried_to_centre(views):
        shown = (picture.clamp(-1, 1) - centre.image.clamp(-1, 1)).square().mean(dim=1, keepdim=True)
        seen = float(mask.sum())
        error = float((shown * mask).sum()) / max(seen, 1.0)
        figures.append(min(BEST_PSNR, 10 * math.log10(4 / max(error, 1e-12))) if seen else 0.0)
        shares.append(seen / max(solid, 1.0))
    return sum(figures) / len(figures), sum(shares) / len(shares)


def measure_consistency(samples: list[FiveViews]) -> Consistency:
    """Means over samples.

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError("there are no samples to compare; give at least one.")
    final = [round_trip_psnr(one.views(one.final)) for one in samples]
    volume = [round_trip_psnr(one.views(one.volume))[0] for one in samples]
    count = len(samples)
    return Consistency(sum(p for p, _ in final) / count, sum(volume) / count, sum(s for _, s in final) / count)
