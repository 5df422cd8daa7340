"""How well gaussians show what the generator shows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.rasteriser import rasterise
from gan3dinv_ns.export.splats.targets import Views
from gan3dinv_ns.ops.image_metrics import psnr


@dataclass(frozen=True)
class Likeness:
    """Gaussians beside the generator's views.

    Attributes:
        pictures: [V, 3, R, R] of the gaussians in [0, 1].
        psnr_db: of each whole picture.
        psnr_head_db: over the pixels of each picture in which the generator's head is solid; None where there are none.
    """

    pictures: Tensor
    psnr_db: list[float]
    psnr_head_db: list[float | None]


@torch.no_grad()
def compare(gaussians: Gaussians, views: Views, background: Tensor) -> Likeness:
    """Renders gaussians before a background [3] in [0, 1] from the cameras of views, and compares."""
    pictures, whole, head = [], [], []
    for label, wanted, solid in zip(views.labels.split(1), views.pictures.split(1), views.solid(), strict=True):
        picture = rasterise(gaussians, label, views.resolution, background)[0].clamp(0, 1)
        found, reference = picture * 2 - 1, wanted * 2 - 1
        pictures.append(picture)
        whole.append(psnr(found, reference))
        inside = found[..., solid[0]][..., None], reference[..., solid[0]][..., None]
        head.append(psnr(*inside) if bool(solid.any()) else None)
    return Likeness(torch.cat(pictures), whole, head)


def comparison_picture(likeness: Likeness, views: Views) -> Tensor:
    """The generator's views, below them the gaussians', below them their difference.

    Returns:
        [1, 3, 3 R, V R] in [-1, 1]; the difference is four times as strong as it is, around a middle grey.
    """
    difference = 0.5 + 4 * (likeness.pictures - views.pictures)
    rows = [torch.cat(list(each), dim=2) for each in (views.pictures, likeness.pictures, difference)]
    return torch.cat(rows, dim=1)[None] * 2 - 1
