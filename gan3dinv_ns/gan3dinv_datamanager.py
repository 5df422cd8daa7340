"""Feeds whole photos: a super-resolved image cannot be cut into rays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManager, VanillaDataManagerConfig
from torch import Tensor

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.gan3dinv_dataparser import GAN3DInvDataParserConfig, PhotoDataset, cameras_of
from gan3dinv_ns.photo import FaceFrame, FramingSettings


@dataclass
class GAN3DInvDataManagerConfig(VanillaDataManagerConfig):
    """How photos are handed out."""

    _target: type = field(default_factory=lambda: GAN3DInvDataManager)
    """Class to build."""
    dataparser: GAN3DInvDataParserConfig = field(default_factory=GAN3DInvDataParserConfig)
    """How photos are read."""
    framing: FramingSettings = field(default_factory=FramingSettings)
    """Which square of a photo is taken."""
    background: Literal["auto", "keep", "white"] = "auto"
    """"white" cuts the head out of the photo; "keep" leaves the background, which is then built into the head; "auto"
    is white for generators whose heads stand before white, as those of the embedded one do, else keep."""


class GAN3DInvDataManager(VanillaDataManager[PhotoDataset]):
    """The photos and their cameras; for the stock exporters also rays from all around the head.

    Args:
        config: names the photo, or the folder of photos of one head.
        device: where the cameras go.
        test_mode: "val" trains; "test" evaluates, renders or exports, then the data set has the cameras of
            an orbit.
        resolution: side to which photos are brought, the generator's.
        focal: focal length over image width, the inversion's.
        frame: how the generator frames its faces; None takes the centre square.
        white_back: whether the generator's heads stand before white.

    Raises:
        ValueError: the photo is missing, no picture, damaged, too small or too large.
    """

    config: GAN3DInvDataManagerConfig

    def __init__(
        self,
        config: GAN3DInvDataManagerConfig,
        device: torch.device | str = "cpu",
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        resolution: int = 128,
        focal: float = FOCAL,
        frame: FaceFrame | None = None,
        white_back: bool = False,
        **kwargs: Any,
    ) -> None:
        parser = replace(
            config.dataparser,
            resolution=resolution,
            focal=focal,
            frame=frame,
            framing=config.framing,
            white=config.background == "white" or (config.background == "auto" and white_back),
            with_orbit=test_mode == "test",
        )
        config = replace(config, dataparser=parser)
        with warnings.catch_warnings():
            # The loaders of one image are never asked for their workers.
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            super().__init__(config, device, test_mode, world_size, local_rank, **kwargs)

    @property
    def photos(self) -> Tensor:
        """[K, 3, R, R] in [-1, 1], on the CPU."""
        return self.train_dataset.photos

    def next_train(self, step: int) -> tuple[Cameras | RayBundle, dict[str, Any]]:  # type: ignore[override]
        """A photo's camera and the photo, one after the other.

        In test mode random rays through the orbit's pictures, for exporters.
        """
        self.train_count += 1
        if self.test_mode == "test":
            return self._random_rays(), {}
        return self._photo_batch(self.train_dataset, step)

    def next_eval(self, step: int) -> tuple[Cameras, dict[str, Any]]:  # type: ignore[override]
        """A photo's camera and the photo, one after the other."""
        self.eval_count += 1
        return self._photo_batch(self.eval_dataset, step)

    def next_eval_image(self, step: int) -> tuple[Cameras, dict[str, Any]]:
        """A photo's camera and the photo, one after the other."""
        return self.next_eval(step)

    def get_train_rays_per_batch(self) -> int:
        """Pixels of a photo."""
        return self.photos.shape[-1] * self.photos.shape[-2]

    def get_datapath(self) -> Path:
        """The folder of the photos, or of the one."""
        assert self.config.data is not None
        return self.config.data if self.config.data.is_dir() else self.config.data.parent

    def move_photo_cameras(self, camera_to_world: Tensor) -> None:
        """Puts the data sets' cameras where the photos were found to be taken from; the orbit starts at the first.

        Args:
            camera_to_world: [K, 4, 4], our axes.
        """
        poses = cameras_of(camera_to_world, 1, 1.0, with_orbit=self.test_mode == "test").camera_to_worlds
        places = [self.train_dataparser_outputs.cameras]
        for dataset in (self.train_dataset, self.eval_dataset):
            places += [dataset.cameras, dataset._dataparser_outputs.cameras]
        for loader in (getattr(self, name, None) for name in ("fixed_indices_eval_dataloader", "eval_dataloader")):
            if loader is not None:
                places.append(loader.cameras)
        for cameras in places:
            cameras.camera_to_worlds = poses.to(cameras.camera_to_worlds)

    def _photo_batch(self, dataset: PhotoDataset, step: int) -> tuple[Cameras, dict[str, Any]]:
        index = step % len(dataset)
        return dataset.cameras[index : index + 1].to(self.device), dataset[index]

    def _random_rays(self) -> RayBundle:
        """As many rays as the pixel sampler is set to, through random pixels of random cameras of the
        orbit.
        """
        assert self.train_pixel_sampler is not None
        cameras = self.train_dataset.cameras.to(self.device)
        count = self.train_pixel_sampler.num_rays_per_batch
        size = torch.stack([cameras.height[0], cameras.width[0]], dim=-1).float()
        indices = torch.randint(len(cameras), (count, 1), device=self.device)
        return cameras.generate_rays(camera_indices=indices, coords=torch.rand(count, 2, device=self.device) * size)
