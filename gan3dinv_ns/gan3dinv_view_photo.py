"""The photo in the viewer: laid over the head, and beside it."""

from __future__ import annotations

from typing import Protocol

import torch
from nerfstudio.cameras.cameras import Cameras
from PIL import Image
from torch import Tensor

from gan3dinv_ns.cameras.conventions import from_nerfstudio, image_to_hwc01
from gan3dinv_ns.cameras.poses import CameraPose
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.gan3dinv_view_renderer import HeadSnapshot
from gan3dinv_ns.inversion.views import whole_views
from gan3dinv_ns.losses.reconstruction import PhotoTarget, shrink
from gan3dinv_ns.ops.image_files import pixels_of
from gan3dinv_ns.ops.image_metrics import psnr

_SIDE = 128
_SAME_PLACE = 0.01


class ShownHead(Protocol):
    """What the viewer asks of an inversion, as it is now."""

    @property
    def untuned(self) -> Generator:
        """The generator as it was given."""

    @property
    def latent(self) -> Tensor:
        """ws [1, num_ws, w_dim]."""

    @property
    def pose(self) -> CameraPose:
        """The photos' cameras."""

    @property
    def label(self) -> Tensor:
        """The photos' camera labels [K, 25]."""

    @property
    def target(self) -> PhotoTarget:
        """The photos."""


@torch.no_grad()
def photo_cameras(shown: ShownHead) -> Tensor:
    """The photos' cameras [K, 4, 4]."""
    return shown.pose().detach()


@torch.no_grad()
def laid_over(outputs: dict[str, Tensor], camera: Cameras, shown: ShownHead, share: float) -> dict[str, Tensor]:
    """What a camera sees, with the photo laid over it where the camera is the photo's.

    Args:
        outputs: of the renderer, "rgb" [H, W, 3] in [0, 1] among them.
        camera: which sees in the shorter side of its picture what the photo shows.
        share: of the photo, 0 to 1.
    """
    photo = _photo_seen_by(camera, shown) if share > 0 else None
    if photo is None:
        return outputs
    height, width = outputs["rgb"].shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture = image_to_hwc01(shrink(photo, side)).to(outputs["rgb"]).clamp(0, 1)
    rgb = outputs["rgb"].clone()
    middle = rgb[top : top + side, left : left + side]
    rgb[top : top + side, left : left + side] = middle.lerp(picture, share)
    return {**outputs, "rgb": rgb}


def _photo_seen_by(camera: Cameras, shown: ShownHead) -> Tensor | None:
    """The photo [1, 3, R, R] that was taken from a camera's place, if there is one."""
    seen = from_nerfstudio(camera.camera_to_worlds.reshape(-1, 3, 4)[:1].float()).cpu()
    away = (photo_cameras(shown).cpu().float() - seen).abs().amax(dim=(1, 2))
    nearest = int(away.argmin())
    return shown.target.photo[nearest, None] if float(away[nearest]) < _SAME_PLACE else None


@torch.no_grad()
def comparison(generator: Generator, head: HeadSnapshot, shown: ShownHead, index: int) -> tuple[Image.Image, str]:
    """A photo, the generator's picture from its camera and their difference side by side, and a caption with the PSNR.

    Args:
        generator: that the head is rendered with.
        head: what to compare.
        shown: holds the photos and their cameras.
        index: of the photo.
    """
    label = shown.label[index, None].detach()
    photo = shown.target.photo[index, None].clamp(-1, 1)
    seen = shrink(whole_views(generator, head.ws, head.planes, label)["image"], photo.shape[-1]).clamp(-1, 1)
    strip = torch.cat([photo, seen, 1 - (photo - seen).abs()], dim=3)
    picture = Image.fromarray(pixels_of(strip))
    picture.thumbnail((3 * _SIDE, _SIDE))
    return picture, f"Photo, head and difference: {psnr(seen, photo):.1f} dB"
