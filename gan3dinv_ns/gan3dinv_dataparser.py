"""One photo as a nerfstudio data set, with the cameras that the stock exporters walk around the head."""

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
from gan3dinv_ns.photo import FaceFrame, Framing, FramingSettings, prepare_photo

ORBIT_CAMERAS = 24
ORBIT_PITCH_RAD = 0.35
ORBIT_MARGIN = 1.3
"""The orbit's cameras see so much more than the photo's, so that hair and neck are in the picture."""


@dataclass
class GAN3DInvDataParserConfig(DataParserConfig):
    """One photo."""

    _target: type = field(default_factory=lambda: GAN3DInvDataParser)
    """Class to build."""
    data: Path = Path()
    """The photo: a PNG, JPEG or WebP file."""
    # The data manager sets the rest, from the generator and the inversion.
    resolution: tyro.conf.Suppress[int] = 128
    """Side in pixels to which the photo is brought, the generator's."""
    focal: tyro.conf.Suppress[float] = FOCAL
    """Focal length over image width, the inversion's."""
    frame: tyro.conf.Suppress[FaceFrame | None] = None
    """How the generator frames its faces."""
    framing: tyro.conf.Suppress[FramingSettings] = field(default_factory=FramingSettings)
    """Which square of the photo is taken."""
    white: tyro.conf.Suppress[bool] = False
    """Whether the head is cut out and put before white."""
    with_orbit: tyro.conf.Suppress[bool] = False
    """Whether the cameras of an orbit around the head follow the photo's (for export and rendering)."""


class GAN3DInvDataParser(DataParser):
    """Reads the photo; its camera starts in front of the face."""

    config: GAN3DInvDataParserConfig

    @cached_property
    def _framed(self) -> tuple[Tensor, Framing]:
        """[1, 3, R, R] in [-1, 1], the same for every split, and which square of the photo it is; says so."""
        config = self.config
        photo, framing = prepare_photo(config.data, config.resolution, config.frame, config.framing, config.white)
        CONSOLE.print(f"Photo: {framing.reason}.")
        return photo, framing

    def _generate_dataparser_outputs(self, split: str = "train", **kwargs: Any) -> DataparserOutputs:
        photo, framing = self._framed
        cameras = cameras_of(orbit(0.0, 0.0), photo.shape[-1], self.config.focal, self.config.with_orbit)
        return DataparserOutputs(
            image_filenames=[self.config.data] * len(cameras),
            cameras=cameras,
            scene_box=SceneBox(aabb=torch.tensor([[-0.5] * 3, [0.5] * 3])),
            metadata={"photo": photo, "framing": framing},
        )


class PhotoDataset(InputDataset):
    """A data set of one image, whatever the number of its cameras.

    The stock exporters want as many file names as cameras, the data loaders as many images as the data set
    is long.
    """

    def __len__(self) -> int:
        return 1

    @property
    def photo(self) -> Tensor:
        """[1, 3, R, R] in [-1, 1], as the generator sees it."""
        return self.metadata["photo"]

    @property
    def framing(self) -> Framing:
        """Which square of the user's photo that is."""
        return self.metadata["framing"]

    def get_image_float32(self, image_idx: int) -> Tensor:
        """[R, R, 3] in [0, 1]; the photo for every camera."""
        return image_to_hwc01(self.photo).clone()

    def get_image_uint8(self, image_idx: int) -> Tensor:
        """[R, R, 3], 0 to 255."""
        return (self.get_image_float32(image_idx) * 255).round().to(torch.uint8)

    def get_numpy_image(self, image_idx: int) -> np.ndarray:
        """[R, R, 3], 0 to 255."""
        return self.get_image_uint8(image_idx).numpy()


def cameras_of(camera_to_world: Tensor, resolution: int, focal: float, with_orbit: bool) -> Cameras:
    """The photo's camera, and after it those of the orbit that starts there.

    Args:
        camera_to_world: the photo's [1, 4, 4], our axes.
        resolution: side of the pictures in pixels.
        focal: focal length over image width.
        with_orbit: append the other cameras of a full turn.

    Returns:
        1 or `ORBIT_CAMERAS` cameras in nerfstudio's world; `metadata["is_photo"]` is 1 for the photo's.
    """
    poses, focals = [camera_to_world.detach().float().cpu()], [focal]
    if with_orbit:
        yaw = yaw_pitch(poses[0][:, :3, 3])[0]
        turn = torch.arange(1, ORBIT_CAMERAS) * (2 * math.pi / ORBIT_CAMERAS)
        poses.append(orbit(yaw + turn, ORBIT_PITCH_RAD * torch.sin(3 * turn), poses[0][:, :3, 3].norm(dim=1)))
        focals += [focal / ORBIT_MARGIN] * len(turn)
    lens = torch.tensor(focals)[:, None] * resolution
    is_photo = torch.zeros(len(focals), 1)
    is_photo[0] = 1
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
