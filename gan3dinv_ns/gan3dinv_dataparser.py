"""Photos of one head as a nerfstudio data set, with the cameras that the stock exporters walk around the head."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from nerfstudio.cameras.cameras import Cameras, CameraType
from nerfstudio.data.dataparsers.base_dataparser import DataParser, DataParserConfig, DataparserOutputs
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from gan3dinv_ns.cameras.conventions import image_to_hwc01, to_nerfstudio
from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.gan3dinv_run import check_one_head
from gan3dinv_ns.photo import FaceFrame, Framing, FramingSettings, photos_of, prepare_photo

ORBIT_CAMERAS = 24
ORBIT_PITCH_RAD = 0.35
ORBIT_MARGIN = 1.3
"""The orbit's cameras see so much more than the photo's, so that hair and neck are in the picture."""


@dataclass
class GAN3DInvDataParserConfig(DataParserConfig):
    """One photo, or several of one head."""

    _target: type = field(default_factory=lambda: GAN3DInvDataParser)
    """Class to build."""
    data: Path = Path()
    """The photo, a PNG, JPEG or WebP file, or a folder of photos of one head."""
    # The data manager sets the rest, from the generator and the inversion.
    resolution: tyro.conf.Suppress[int] = 128
    """Side in pixels to which a photo is brought, the generator's."""
    focal: tyro.conf.Suppress[float] = FOCAL
    """Focal length over image width, the inversion's."""
    frame: tyro.conf.Suppress[FaceFrame | None] = None
    """How the generator frames its faces."""
    framing: tyro.conf.Suppress[FramingSettings] = field(default_factory=FramingSettings)
    """Which square of a photo is taken."""
    white: tyro.conf.Suppress[bool] = False
    """Whether the head is cut out and put before white."""
    with_orbit: tyro.conf.Suppress[bool] = False
    """Whether the cameras of an orbit around the head follow the photos' (for export and rendering)."""


@dataclass(frozen=True)
class FramedPhoto:
    """A photo, ready to be inverted.

    Attributes:
        path: its file.
        picture: [1, 3, R, R] in [-1, 1], as the generator sees it.
        framing: which square of the photo that is.
    """

    path: Path
    picture: Tensor
    framing: Framing


class GAN3DInvDataParser(DataParser):
    """Reads the photos; their cameras start in front of the face."""

    config: GAN3DInvDataParserConfig

    @cached_property
    def _framed(self) -> list[FramedPhoto]:
        """The same for every split; says which squares were taken."""
        config, framed = self.config, []
        check_one_head(config.data)
        paths = photos_of([config.data])
        for path in paths:
            photo, framing = prepare_photo(path, config.resolution, config.frame, config.framing, config.white)
            name = "Photo" if len(paths) == 1 else f"Photo {path.name}"
            CONSOLE.print(f"{name}: {framing.reason}.", soft_wrap=True, highlight=False)
            framed.append(FramedPhoto(path, photo, framing))
        return framed

    def _generate_dataparser_outputs(self, split: str = "train", **kwargs: Any) -> DataparserOutputs:
        framed = self._framed
        resolution = framed[0].picture.shape[-1]
        poses = orbit(0.0, 0.0).expand(len(framed), 4, 4)
        cameras = cameras_of(poses, resolution, self.config.focal, self.config.with_orbit)
        files = [photo.path for photo in framed]
        return DataparserOutputs(
            image_filenames=files + files[:1] * (len(cameras) - len(files)),
            cameras=cameras,
            scene_box=SceneBox(aabb=torch.tensor([[-0.5] * 3, [0.5] * 3])),
            metadata={"framed": framed},
        )


class PhotoDataset(InputDataset):
    """A data set of as many images as there are photos, whatever the number of its cameras.

    The stock exporters want as many file names as cameras, the data loaders as many images as the data set
    is long.
    """

    def __len__(self) -> int:
        return len(self.framed)

    @property
    def framed(self) -> list[FramedPhoto]:
        """The photos."""
        return self.metadata["framed"]

    @property
    def photos(self) -> Tensor:
        """[K, 3, R, R] in [-1, 1], as the generator sees them."""
        return torch.cat([photo.picture for photo in self.framed])

    def get_image_float32(self, image_idx: int) -> Tensor:
        """[R, R, 3] in [0, 1]; the first photo for cameras that have none."""
        index = image_idx if image_idx < len(self) else 0
        return image_to_hwc01(self.framed[index].picture).clone()

    def get_image_uint8(self, image_idx: int) -> Tensor:
        """[R, R, 3], 0 to 255."""
        return (self.get_image_float32(image_idx) * 255).round().to(torch.uint8)

    def get_numpy_image(self, image_idx: int) -> np.ndarray:
        """[R, R, 3], 0 to 255."""
        return self.get_image_uint8(image_idx).numpy()


def cameras_of(camera_to_world: Tensor, resolution: int, focal: float, with_orbit: bool) -> Cameras:
    """The photos' cameras, and after them those of the orbit that starts at the first.

    Args:
        camera_to_world: the photos' [K, 4, 4], our axes.
        resolution: side of the pictures in pixels.
        focal: focal length over image width.
        with_orbit: append the other cameras of a full turn.

    Returns:
        K cameras in nerfstudio's world, with an orbit K - 1 + `ORBIT_CAMERAS`; `metadata["is_photo"]` is 1 for those of
        photos.
    """
    poses = [camera_to_world.detach().float().cpu()]
    count = len(poses[0])
    focals = [focal] * count
    if with_orbit:
        first = poses[0][:1, :3, 3]
        turn = torch.arange(1, ORBIT_CAMERAS) * (2 * math.pi / ORBIT_CAMERAS)
        poses.append(orbit(yaw_pitch(first)[0] + turn, ORBIT_PITCH_RAD * torch.sin(3 * turn), first.norm(dim=1)))
        focals += [focal / ORBIT_MARGIN] * len(turn)
    lens = torch.tensor(focals)[:, None] * resolution
    is_photo = torch.zeros(len(focals), 1)
    is_photo[:count] = 1
    return Cameras(
        camera_to_worlds=to_nerfstudio(torch.cat(poses)),
        fx=lens,
        fy=lens.clone(),
        cx=resolution / 2,
        cy=resolution / 2,
        width=resolution,
        height=resolution,
        camera_type=CameraType.PERSPECTIVE,
        metadata={"is_photo": is_photo},
    )
