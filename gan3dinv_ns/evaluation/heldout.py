"""The benchmark on held-out heads: each photo is inverted, and compared with what the head really looks like.

Neither the method nor the heads are known here: a method is a function from a photo to something that knows its
camera and can be rendered, a head is a photo with its true camera and a function that renders it truly.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.evaluation.metrics import depth_mae_box, ms_ssim, psnr, rotation_error_deg, translation_error
from gan3dinv_ns.evaluation.rows import NOVEL_YAWS_RAD, HeldoutRow

_SHOWN_YAW_RAD = 0.4
SOLID = 0.5
"""What is covered, or opaque, by more than this counts as solid."""


class Inverted(Protocol):
    """What is asked of a finished inversion."""

    @property
    def label(self) -> Tensor:
        """The cameras found, ``[K, 25]``, one for each photo."""

    def render(self, label: Tensor) -> dict[str, Tensor]:
        """From cameras ``[N, 25]``: ``image [N, 3, R, R]`` in [-1, 1], ``image_depth`` along the unit rays and
        ``image_weights`` (opacity), ``[N, 1, r, r]``."""


class HeldoutHead(Protocol):
    """A head of which everything is known."""

    @property
    def name(self) -> str:
        """For the table, and for a file's name."""

    @property
    def kind(self) -> str:
        """For the table."""

    @property
    def photo(self) -> Tensor:
        """``[1, 3, R, R]`` in [-1, 1]."""

    def photos(self, count: int) -> Tensor:
        """``[count, 3, R, R]``: the photo and further ones from other sides."""

    @property
    def label(self) -> Tensor:
        """Camera ``[1, 25]`` from which the photo was taken."""

    def render(self, labels: Tensor, resolution: int) -> tuple[Tensor, Tensor, Tensor]:
        """True images ``[N, 3, r, r]`` from cameras ``[N, 25]``, depth along the unit rays (0: nothing hit) and
        coverage, ``[N, 1, r, r]``."""


@dataclass(frozen=True)
class DepthMap:
    """What one camera sees.

    Attributes:
        depth: ``[1, 1, r, r]`` along the unit rays, box units.
        solid: ``[1, 1, r, r]`` flags: where there is a head.
    """

    depth: Tensor
    solid: Tensor


@dataclass(frozen=True)
class MeasuredHead:
    """One head's figures, and what is to be seen.

    Attributes:
        row: the figures.
        pictures: ``[1, 3, R, R]`` each: photo, reconstruction, then truth and result turned to the left and to the
            right by 0.4 rad.
        true_depth, found_depth: in the photo's view.
    """

    row: HeldoutRow
    pictures: tuple[Tensor, ...]
    true_depth: DepthMap
    found_depth: DepthMap


def novel_labels(label: Tensor, turn_rad: float) -> Tensor:
    """Cameras ``[2, 25]`` that look at the origin, turned from a camera ``[1, 25]`` by minus and plus ``turn_rad``."""
    camera_to_world, intrinsics = split_label(label.detach())
    yaw, pitch = yaw_pitch(-camera_to_world[:, :3, 2])
    radius = -(camera_to_world[:, :3, 2] * camera_to_world[:, :3, 3]).sum(dim=1)
    turned = torch.cat([yaw - turn_rad, yaw + turn_rad])
    return camera_label(orbit(turned, pitch.expand(2), radius.expand(2)), intrinsics)


def evaluate_heldout(
    heads: Iterable[HeldoutHead], invert: Callable[[Tensor], Inverted], photos: int = 1
) -> Iterator[MeasuredHead]:
    """Invert each head's photo, or several together, and measure it, one head after the other.

    Args:
        heads: taken one at a time.
        invert: from photos ``[K, 3, R, R]`` of one head to a finished inversion; only this is timed.
        photos: their number K.
    """
    for head in heads:
        taken = head.photos(photos)
        begin = time.perf_counter()
        inverted = invert(taken)
        yield measure_head(head, inverted, time.perf_counter() - begin)


@torch.no_grad()
def measure_head(head: HeldoutHead, inverted: Inverted, seconds: float) -> MeasuredHead:
    """Compare an inversion of a head's photo with the head; of several photos the first is looked at.

    Reconstruction: the found head from the found camera, with the photo. Novel views: both heads from cameras turned
    from the found camera's yaw by plus and minus each of ``NOVEL_YAWS_RAD``, at the found pitch and upright. Depth:
    in the photo's view, that is the found head from the found camera and the true head from the true one, drawn at
    the side r of the volume rendering, over the pixels where both are solid.
    """
    label = inverted.label.detach()[:1]
    seen = {name: value.cpu() for name, value in inverted.render(label).items()}
    found = DepthMap(seen["image_depth"], seen["image_weights"] > SOLID)
    true = _true_depth(head, found.depth.shape[-1])
    views = {yaw: _novel_views(head, inverted, novel_labels(label, yaw)) for yaw in NOVEL_YAWS_RAD}
    photo = head.photo.cpu()
    figures = {
        "psnr": psnr(seen["image"], photo),
        "ms_ssim": ms_ssim(seen["image"], photo),
        "rotation_deg": rotation_error_deg(label, head.label),
        "translation_box": translation_error(label, head.label),
        **{f"novel_psnr_{yaw}": statistics.fmean(psnr(b, a) for a, b in pairs) for yaw, pairs in views.items()},
        "depth_mae_box": depth_mae_box(found.depth, found.solid, true.depth, true.solid),
        "seconds": seconds,
    }
    shown = [picture for pair in views[_SHOWN_YAW_RAD] for picture in pair]
    return MeasuredHead(HeldoutRow(head.name, head.kind, figures), (photo, seen["image"], *shown), true, found)


def _true_depth(head: HeldoutHead, resolution: int) -> DepthMap:
    _, depth, coverage = (one.cpu() for one in head.render(head.label, resolution))
    return DepthMap(depth, (coverage > SOLID) & (depth > 0))


def _novel_views(head: HeldoutHead, inverted: Inverted, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Truth and result of each camera."""
    found = inverted.render(labels)["image"].cpu()
    true = head.render(labels.cpu(), found.shape[-1])[0].cpu()
    return list(zip(true.split(1), found.split(1), strict=True))
