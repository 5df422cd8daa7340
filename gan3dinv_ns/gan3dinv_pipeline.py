"""Generator, photos and model put together, and the reports that `ns-eval` writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from time import perf_counter
from typing import Any, Literal

import torch
from nerfstudio.pipelines.base_pipeline import Pipeline, VanillaPipeline, VanillaPipelineConfig
from nerfstudio.utils.rich_utils import CONSOLE

from gan3dinv_ns.cameras.conventions import image_from_hwc01
from gan3dinv_ns.eg3d import Generator, load_generator
from gan3dinv_ns.eg3d.backends.choice import reason_against, use_backend
from gan3dinv_ns.eg3d.compilation import check_compilation, compile_networks
from gan3dinv_ns.eg3d.precision import precision_can_be_had, use_precision
from gan3dinv_ns.gan3dinv_datamanager import GAN3DInvDataManager, GAN3DInvDataManagerConfig
from gan3dinv_ns.gan3dinv_model import GAN3DInvModel, GAN3DInvModelConfig
from gan3dinv_ns.inversion.gradients import ReplayedSteps
from gan3dinv_ns.ops.cuda_graphs import check_cuda_graphs
from gan3dinv_ns.ops.image_files import write_image
from gan3dinv_ns.ops.user_errors import one_line_errors
from gan3dinv_ns.photo import FaceFrame, mean_frame


@dataclass
class GAN3DInvPipelineConfig(VanillaPipelineConfig):
    """Photos and model."""

    _target: type = field(default_factory=lambda: GAN3DInvPipeline)
    """Class to build."""
    datamanager: GAN3DInvDataManagerConfig = field(default_factory=GAN3DInvDataManagerConfig)
    """The photos."""
    model: GAN3DInvModelConfig = field(default_factory=GAN3DInvModelConfig)
    """The generator and the inversion."""

    def setup(self, **kwargs: Any) -> GAN3DInvPipeline:
        """Builds the pipeline; what is wrong with photos or generator ends the program with one line."""
        with one_line_errors():
            return super().setup(**kwargs)


class GAN3DInvPipeline(VanillaPipeline):
    """Loads the generator first, because photos are brought to its resolution.

    Args:
        config: settings.
        device: where everything goes.
        test_mode: "val" trains, "test" and "inference" load a finished run.
        world_size, local_rank: one process only.
        grad_scaler: not used.

    Raises:
        ValueError: a photo, the generator or the decoder backend cannot be used, or several processes are asked for.
    """

    datamanager: GAN3DInvDataManager
    config: GAN3DInvPipelineConfig

    def __init__(
        self,
        config: GAN3DInvPipelineConfig,
        device: str,
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        grad_scaler: Any = None,
    ) -> None:
        Pipeline.__init__(self)
        if world_size > 1:
            raise ValueError("a head is found on one device; leave --machine.num-devices at 1")
        self.config, self.test_mode, self.world_size = config, test_mode, world_size
        generator = load_generator(config.model.generator, device)
        self._fit_to_machine(generator)
        self.datamanager = config.datamanager.setup(
            device=device,
            test_mode=test_mode,
            resolution=generator.img_resolution,
            focal=config.model.inversion.pose.focal,
            frame=self._frame(generator),
            white_back=generator.rendering.white_back,
        )
        self.datamanager.to(device)
        self._model = config.model.setup(
            scene_box=self.datamanager.train_dataset.scene_box,
            num_train_data=len(self.datamanager.train_dataset),
            generator=generator,
            photos=self.datamanager.photos.to(device),
        )
        self.model.to(device)
        if config.model.compile and test_mode == "val":
            CONSOLE.print("Compiling backbone and super-resolution, which takes a minute or more in each phase.")
            check_compilation(self.model.inversion.generator)
            compile_networks(self.model.inversion.generator)
        if config.model.cuda_graphs and test_mode == "val":
            check_cuda_graphs(next(generator.parameters()).device)
            self.model.inversion.replayed_steps = ReplayedSteps()
        self.place_cameras()

    def _fit_to_machine(self, generator: Generator) -> None:
        """Backend and precision; a finished run opens on every machine, whatever it was made with."""
        backend, precision = self.config.model.decoder_backend, self.config.model.precision
        if self.test_mode != "val":
            device = next(generator.parameters()).device
            backend = backend if reason_against(backend, device) is None else "auto"
            precision = precision if precision_can_be_had(precision, device) else "auto"
        note = use_backend(generator, backend)
        if note is not None:
            CONSOLE.print(note, soft_wrap=True, highlight=False)
        use_precision(generator, precision)

    def _frame(self, generator: Generator) -> FaceFrame | None:
        """How the generator frames its faces; not looked for where it is not needed."""
        framing = self.config.datamanager.framing
        if framing.by != "face" or framing.crop is not None:
            return None
        return mean_frame(generator, self.config.model.inversion.pose.focal)

    @property
    def model(self) -> GAN3DInvModel:
        """The model."""
        assert isinstance(self._model, GAN3DInvModel)
        return self._model

    def load_state_dict(  # type: ignore[override]
        self, state_dict: Mapping[str, Any], strict: bool | None = None
    ) -> None:
        """Takes over a saved state and moves the data sets' cameras to the pose in it.

        Raises:
            ValueError: the state belongs to another generator.
        """
        start = len("_model.")
        state = {key[start:]: value for key, value in state_dict.items() if key.startswith("_model.")}
        try:
            self.model.load_state_dict(state, strict=True)
        except RuntimeError:
            raise ValueError(
                f"the checkpoint does not fit the generator {self.config.model.generator}; add the "
                "--pipeline.model.generator and the options of the run that it comes from (see its config.yml)"
            ) from None
        self.place_cameras()

    def load_pipeline(self, loaded_state: dict[str, Any], step: int) -> None:
        """The same for nerfstudio's checkpoints; a state that does not fit ends the program with one line."""
        with one_line_errors():
            super().load_pipeline(loaded_state, step)

    def place_cameras(self) -> None:
        """Moves the data sets' cameras to the inversion's poses."""
        camera_to_world = self.model.inversion.camera_pose.detach()
        self.datamanager.move_photo_cameras(camera_to_world)
        self.model.place_photos(camera_to_world)

    @torch.no_grad()
    def get_average_eval_image_metrics(
        self, step: int | None = None, output_path: Path | None = None, get_std: bool = False
    ) -> dict[str, float]:
        """Means of the photos' figures; every value is finite, deviations of one image are 0.

        Args:
            step: unused.
            output_path: folder for the compared images, or None.
            get_std: append "NAME_std".
        """
        self.eval()
        each = [self._figures_of(index, output_path) for index in range(len(self.datamanager.eval_dataset))]
        means = {name: fmean(figures[name] for figures in each) for name in each[0]}
        assert all(math.isfinite(value) for value in means.values())
        if not get_std:
            return means
        return means | {f"{name}_std": pstdev(figures[name] for figures in each) for name in means}

    def _figures_of(self, photo: int, output_path: Path | None) -> dict[str, float]:
        """One photo's figures; writes the compared images."""
        camera, batch = self.datamanager.next_eval_image(photo)
        begin = perf_counter()
        outputs = self.model.get_outputs_for_camera(camera)
        seconds = perf_counter() - begin
        metrics, images = self.model.get_image_metrics_and_images(outputs, batch)
        if output_path is not None:
            for name, image in images.items():
                write_image(output_path / f"eval_{name}_{photo:04d}.png", image_from_hwc01(image))
        speed = {"num_rays_per_sec": self.datamanager.get_train_rays_per_batch() / seconds, "fps": 1.0 / seconds}
        return metrics | speed
