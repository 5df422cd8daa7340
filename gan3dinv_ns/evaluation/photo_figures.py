"""What can be measured of an inverted photo: against the photo, its camera, and the head's true looks, as far as they
are known.

Neither the method nor the photo's origin are known here: a method gives something that knows its cameras and can be
rendered, and a head whose truth is known a function that renders it truly.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.evaluation.metrics import depth_mae_box, ms_ssim, psnr, rotation_error_deg, translation_error

NOVEL_YAWS_RAD = (0.2, 0.4, 0.6)
"""How far the novel views are turned from the found camera, to both sides."""
SHOWN_YAW_RAD = 0.4
"""Of the views whose pictures are kept."""
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


class TrueHead(Protocol):
    """A head that can be looked at from anywhere."""

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
class PhotoFigures:
    """One inverted photo's figures, and what is to be seen.

    Attributes:
        figures: "psnr" (dB), "mse" and "ms_ssim" of the photo; with its camera known "rotation_deg" and
            "translation_box"; with its head known "novel_psnr_YAW" (dB, mean of both sides) and "depth_mae_box".
        pictures: ``[1, 3, R, R]`` each in [-1, 1]: photo, reconstruction, then views turned to the left and to the
            right by ``SHOWN_YAW_RAD``, each after the truth where that is known.
        depths: by caption, in the photo's view; the true one first where it is known.
    """

    figures: dict[str, float]
    pictures: dict[str, Tensor]
    depths: dict[str, DepthMap]


def novel_labels(label: Tensor, turn_rad: float) -> Tensor:
    """Cameras ``[2, 25]`` that look at the origin, turned from a camera ``[1, 25]`` by minus and plus ``turn_rad``."""
    camera_to_world, intrinsics = split_label(label.detach())
    yaw, pitch = yaw_pitch(-camera_to_world[:, :3, 2])
    radius = -(camera_to_world[:, :3, 2] * camera_to_world[:, :3, 3]).sum(dim=1)
    turned = torch.cat([yaw - turn_rad, yaw + turn_rad])
    return camera_label(orbit(turned, pitch.expand(2), radius.expand(2)), intrinsics)


@torch.no_grad()
def measure_photo(
    photo: Tensor, inverted: Inverted, label: Tensor | None = None, truth: TrueHead | None = None
) -> PhotoFigures:
    """Compare an inversion with what is known of its photo; of several photos of one head with the first.

    Reconstruction: the found head from the found camera, with the photo. Novel views: both heads from cameras turned
    from the found camera's yaw by plus and minus each of ``NOVEL_YAWS_RAD``, at the found pitch and upright. Depth:
    in the photo's view, that is the found head from the found camera and the true head from the true one, drawn at
    the side r of the volume rendering, over the pixels where both are solid.

    Args:
        photo: ``[1, 3, R, R]`` in [-1, 1].
        inverted: see ``Inverted``.
        label: ``[1, 25]`` the photo's camera, None if it is not known.
        truth: the head, None if it is not known; depth needs the camera too.
    """
    found_label, photo = inverted.label.detach()[:1], photo.cpu()
    seen = {name: value.cpu() for name, value in inverted.render(found_label).items()}
    image = seen["image"].clamp(-1, 1)
    figures = {
        "psnr": psnr(image, photo),
        "mse": float(((image - photo) / 2).square().mean()),
        "ms_ssim": ms_ssim(image, photo),
    }
    pictures, depths = {"photo": photo, "reconstruction": image}, {}
    if label is not None:
        figures["rotation_deg"] = rotation_error_deg(found_label, label)
        figures["translation_box"] = translation_error(found_label, label)
    for yaw in NOVEL_YAWS_RAD if truth is not None else (SHOWN_YAW_RAD,):
        views = _novel_views(inverted, novel_labels(found_label, yaw), truth)
        if truth is not None:
            figures[f"novel_psnr_{yaw}"] = statistics.fmean(psnr(found, true) for true, found in views)
        if yaw == SHOWN_YAW_RAD:
            pictures |= _captioned(views, truth is not None)
    found = DepthMap(seen["image_depth"], seen["image_weights"] > SOLID)
    if truth is not None and label is not None:
        depths["true depth"] = true = _true_depth(truth, label, found.depth.shape[-1])
        figures["depth_mae_box"] = depth_mae_box(found.depth, found.solid, true.depth, true.solid)
    depths["found depth"] = found
    return PhotoFigures(figures, pictures, depths)


def _true_depth(truth: TrueHead, label: Tensor, resolution: int) -> DepthMap:
    _, depth, coverage = (one.cpu() for one in truth.render(label, resolution))
    return DepthMap(depth, (coverage > SOLID) & (depth > 0))


def _novel_views(inverted: Inverted, labels: Tensor, truth: TrueHead | None) -> list[tuple[Tensor, Tensor]]:
    """Truth and result of each camera; the result twice where the truth is not known."""
    found = inverted.render(labels)["image"].cpu()
    true = found if truth is None else truth.render(labels.cpu(), found.shape[-1])[0].cpu()
    return list(zip(true.split(1), found.split(1), strict=True))


def _captioned(views: list[tuple[Tensor, Tensor]], known: bool) -> dict[str, Tensor]:
    shown: dict[str, Tensor] = {}
    for side, (true, found) in zip(("left", "right"), views, strict=True):
        if known:
            shown[f"true, {side}"] = true
        shown[f"found, {side}"] = found
    return shown
