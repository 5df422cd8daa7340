"""The inversion as a nerfstudio model: what it renders, what is saved of it, how it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.models.base_model import Model, ModelConfig
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor
from torch.nn import Parameter

from gan3dinv_ns.cameras.conventions import (
    from_nerfstudio,
    image_from_hwc01,
    image_to_hwc01,
    points_from_nerfstudio,
    points_to_nerfstudio,
)
from gan3dinv_ns.eg3d import Discriminator, Generator, load_discriminator
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders import find_initialisers
from gan3dinv_ns.gan3dinv_field import GAN3DInvField
from gan3dinv_ns.gan3dinv_view_renderer import HeadSnapshot, ViewRenderer
from gan3dinv_ns.gan3dinv_viewer import HeadViewerControl, PhotoPoses
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.ops.compute_choices import BackendName, PrecisionName

_GENERATOR_KEYS = "inversion.generator."
_SAME_CAMERA = 1e-3
_START_ALONE = (
    "The generator has no encoder and pose estimator: starting from the mean latent and the camera that the face tells."
)
_PROJECT_STEPS = "--pipeline.model.inversion.schedule.project-steps"
_STEPS_ALONE = 150


@dataclass
class GAN3DInvModelConfig(ModelConfig):
    """The generator, and how a photo is inverted in it."""

    _target: type = field(default_factory=lambda: GAN3DInvModel)
    """Class to build."""
    enable_collider: bool = False
    """Limits of rays come from the generator's box, not from a collider."""
    generator: str = "makehuman128-64"
    """The generator: a name (makehuman128-64 ships with the package; ffhqrebalanced512-128, afhqcats512-128 and the
    others that NVIDIA publishes are downloaded once), the URL or the path of a published EG3D .pkl or of a
    .safetensors file; the discriminator is read from the same .pkl, or from NAME.discriminator.safetensors beside
    NAME.safetensors."""
    decoder_backend: BackendName = "auto"
    """What decodes points: torch (the reference), triton (one fused kernel, float32) or tcnn (tiny-cuda-nn, half
    precision; the extra "tinycudann"). On a CUDA device auto takes triton, else tcnn, else torch; elsewhere torch."""
    precision: PrecisionName = "auto"
    """What super-resolution, and on a CPU the gradients of all convolutions, are multiplied in: float32, or half, which
    is bfloat16 on a CPU that has such products, and float16 on a GPU in the blocks that were trained so. auto takes
    half on a CPU that gains from it."""
    compile: bool = False
    """Compile backbone and super-resolution by torch.compile, which takes a minute or more in each phase."""
    cuda_graphs: bool = False
    """Record the first step of projection and of tuning as a CUDA graph and replay it in the others, which spares the
    host most of its work; for a CUDA device."""
    inversion: InversionSettings = field(default_factory=InversionSettings)
    """Phases, losses and rates."""


class GAN3DInvModel(Model):
    """The head of one photo, or of several.

    Args:
        config: settings.
        scene_box: the generator's box.
        num_train_data: number K of photos.
        generator (keyword): loaded, on its device.
        photos (keyword): [K, 3, R, R] in [-1, 1] with R the generator's resolution.

    Attributes:
        inversion: latent, pose and (tuned) generator.
        generator_changed: whether the generator's weights differ from those that were loaded, so that they
            have to be saved; to be set by who tunes them.

    Raises:
        ValueError: the perceptual distance cannot be had.
    """

    config: GAN3DInvModelConfig

    def populate_modules(self) -> None:
        """Builds the inversion, the field and what the viewer asks for."""
        super().populate_modules()
        generator, photos = self.kwargs.pop("generator"), self.kwargs.pop("photos")
        discriminator = find_discriminator(self.config.generator, self.config.inversion, generator)
        initialisers = find_initialisers(self.config.generator, next(generator.parameters()).device)
        if initialisers is None:
            CONSOLE.print(_START_ALONE)
            if self.config.inversion.schedule.project_steps < _STEPS_ALONE:
                CONSOLE.print(f"More steps help: {_PROJECT_STEPS} {_STEPS_ALONE}")
        self.inversion = Inversion(generator, discriminator, photos, self.config.inversion, initialisers)
        self.generator_changed = self.config.inversion.optimize_noise
        self.field = GAN3DInvField(self.inversion.generator)
        self._renderer = ViewRenderer(self.inversion.generator)
        self.viewer_control = HeadViewerControl(self._renderer, self.inversion)
        self.place_photos(self.inversion.camera_pose.detach())

    def place_photos(self, camera_to_world: Tensor) -> None:
        """Tells where the data set's cameras stand, from which the photos' frusta move.

        [K, 4, 4], our axes.
        """
        self.camera_optimizer = PhotoPoses(camera_to_world, lambda: self.inversion.camera_pose)

    def train(self, mode: bool = True) -> GAN3DInvModel:
        """Every network stays in evaluation mode, whoever asks.

        Viewer threads switch a model back and forth.
        """
        return super().train(False)

    # What is rendered.

    def head(self) -> HeadSnapshot:
        """The head as it is now; its planes are computed again only after something changed."""
        return HeadSnapshot(self.inversion.planes(), self.inversion.latent.detach())

    @torch.no_grad()
    def get_outputs_for_camera(self, camera: Cameras, obb_box: OrientedBox | None = None) -> dict[str, Tensor]:
        """The head as a camera sees it.

        Args:
            camera: one camera of any kind and size.
            obb_box: blanks what lies outside of it (its depth counts), or None.

        Returns:
            "rgb", "rgb_raw" [H, W, 3] in [0, 1]; "depth" [H, W, 1] along the unit ray, box units;
            "accumulation" [H, W, 1] in [0, 1].
        """
        photo = self._photo_of(camera)
        if photo is not None:
            outputs = self._photo_view(photo, int(camera.height.reshape(-1)[0]))
        else:
            far = float(camera.camera_to_worlds.reshape(-1, 3, 4)[0, :, 3].norm()) + 1.0
            outputs = self._renderer.render(camera, self.head(), far_depth=far)
        return outputs if obb_box is None else _cropped(outputs, camera, obb_box)

    def _photo_of(self, camera: Cameras) -> int | None:
        """The photo whose camera it is, of which the generator's picture needs no looking up, if it is one's."""
        if int(camera.height.reshape(-1)[0]) != int(camera.width.reshape(-1)[0]):
            return None
        asked = from_nerfstudio(camera.camera_to_worlds.reshape(-1, 3, 4)[:1].float())
        pose = self.inversion.camera_pose.detach().to(asked)
        focal = float(camera.fx.reshape(-1)[0]) / int(camera.width.reshape(-1)[0])
        same_focal = abs(focal - self.config.inversion.pose.focal) < _SAME_CAMERA
        distances = (asked - pose).abs().amax(dim=(1, 2))
        return int(distances.argmin()) if same_focal and bool(distances.min() < _SAME_CAMERA) else None

    def _photo_view(self, photo: int, side: int) -> dict[str, Tensor]:
        """What the inversion compares with a photo, at another size."""
        seen = self.inversion.render(self.inversion.label[photo : photo + 1])
        size = {"size": (side, side), "mode": "bilinear", "align_corners": False, "antialias": True}
        fitted = {name: F.interpolate(image, **size) for name, image in seen.items()}  # type: ignore[arg-type]
        return {
            "rgb": image_to_hwc01(fitted["image"]).clamp(0, 1),
            "depth": fitted["image_depth"][0].permute(1, 2, 0),
            "accumulation": fitted["image_weights"][0].permute(1, 2, 0),
            "rgb_raw": image_to_hwc01(fitted["image_raw"]).clamp(0, 1),
        }

    @torch.no_grad()
    def get_outputs(self, ray_bundle: RayBundle | Cameras) -> dict[str, Tensor]:  # type: ignore[override]
        """Rays through the tri-planes without super-resolution; near and far of the bundle are respected.

        Returns:
            For cameras what `get_outputs_for_camera` gives. For rays [..., 3]: "rgb" [..., 3] of what is hit, "depth",
            "accumulation" [..., 1], "normals" [..., 3] mapped from [-1, 1] to [0, 1], nerfstudio's axes.
        """
        if isinstance(ray_bundle, Cameras):
            return self.get_outputs_for_camera(ray_bundle)
        shape = ray_bundle.origins.shape[:-1]
        origins = points_from_nerfstudio(ray_bundle.origins.reshape(-1, 3))
        directions = points_from_nerfstudio(F.normalize(ray_bundle.directions.reshape(-1, 3), dim=-1))
        limits = [None if x is None else x.reshape(-1, 1) for x in (ray_bundle.nears, ray_bundle.fars)]
        self.field.set_planes(self.inversion.planes())
        seen = self.field.march(origins, directions, *limits)
        normals = points_to_nerfstudio(self.field.normals(origins + seen.depth * directions))
        return {
            "rgb": seen.colours.reshape(*shape, 3),
            "depth": seen.depth.reshape(*shape, 1),
            "accumulation": seen.opacity.clamp(0, 1).reshape(*shape, 1),
            "normals": ((normals + 1) / 2).clamp(0, 1).reshape(*shape, 3),
        }

    def get_rgba_image(self, outputs: dict[str, Tensor], output_name: str = "rgb") -> Tensor:
        """[..., 4]: an output's colours with the accumulation as opacity."""
        return torch.cat([outputs[output_name], outputs["accumulation"]], dim=-1)

    # What is optimised, and saved.

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """ "latent", "camera_pose" and "generator"."""
        return dict(self.inversion.param_groups())  # type: ignore[arg-type]

    def get_loss_dict(self, outputs: Any, batch: Any, metrics_dict: Any = None) -> dict[str, Tensor]:
        """Empty: the losses of a step are those of the schedule's phase (see the trainer)."""
        return {}

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The inversion's state; the generator's weights are in it only once they have been tuned."""
        state = super().state_dict(*args, **kwargs)
        prefix = kwargs.get("prefix", "")
        if not self.generator_changed:
            for key in [key for key in state if key.startswith(prefix + _GENERATOR_KEYS)]:
                del state[key]
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Takes over a state; without generator weights in it the generator stays as it was loaded."""
        self.generator_changed = any(key.startswith(_GENERATOR_KEYS) for key in state_dict)
        if not self.generator_changed:
            own = {f"{_GENERATOR_KEYS}{key}": value for key, value in self.inversion.generator.state_dict().items()}
            state_dict = {**own, **state_dict}
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    # How it is judged.

    @torch.no_grad()
    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Tensor]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Compares a rendering with its photo, number batch["image_idx"], or the first.

        Returns:
            "psnr" in dB, "ssim", and "perceptual", the distance that the inversion minimised; "img": photo
            and rendering side by side, "depth" and "accumulation" [H, W, 3 or 1] in [0, 1].
        """
        photo = batch["image"].to(outputs["rgb"])
        from torchmetrics.functional.image import structural_similarity_index_measure

        seen, wanted = (image.permute(2, 0, 1)[None] for image in (outputs["rgb"], photo))
        error = F.mse_loss(seen, wanted).clamp_min(1e-12)
        metrics = {
            "psnr": float(-10 * error.log10()),
            "ssim": float(torch.as_tensor(structural_similarity_index_measure(seen, wanted, data_range=1.0))),
            "perceptual": float(self._distance(outputs, int(batch.get("image_idx", 0)))),
        }
        depth = outputs["depth"]
        spread = (depth.amax() - depth.amin()).clamp_min(1e-6)
        images = {
            "img": torch.cat([photo, outputs["rgb"]], dim=1),
            "depth": ((depth - depth.amin()) / spread).expand(-1, -1, 3),
            "accumulation": outputs["accumulation"].expand(-1, -1, 3),
        }
        return metrics, images

    def _distance(self, outputs: dict[str, Tensor], photo: int) -> Tensor:
        generator = self.inversion.generator
        sides = {"image": generator.img_resolution, "image_raw": generator.neural_rendering_resolution}
        sources = {"image": outputs["rgb"], "image_raw": outputs["rgb_raw"]}
        pictures = {
            name: F.interpolate(
                image_from_hwc01(sources[name]), (side, side), mode="bilinear", align_corners=False, antialias=True
            )
            for name, side in sides.items()
        }
        return self.inversion.target.only([photo]).distance(pictures)


def find_discriminator(source: str, settings: InversionSettings, generator: Generator) -> Discriminator | None:
    """The discriminator that came with a generator, if the perceptual distance needs one; says so on the
    console.

    Raises:
        ValueError: there is none; names the other choices.
    """
    if settings.perceptual != "discriminator":
        return None
    path = network_file(source, "discriminator")
    if not path.is_file():
        raise ValueError(
            f"no discriminator at {path}, whose features are the default perceptual distance; put it there or add "
            "--pipeline.model.inversion.perceptual lpips-vgg"
        )
    CONSOLE.print("Perceptual distance: features of the generator's own discriminator (nothing to download).")
    return load_discriminator(path, next(generator.parameters()).device)


def _cropped(outputs: dict[str, Tensor], camera: Cameras, box: OrientedBox) -> dict[str, Tensor]:
    """White and transparent where the surface point of a pixel lies outside of the box."""
    rays = camera.generate_rays(camera_indices=0)
    points = rays.origins + rays.directions * outputs["depth"].to(rays.directions)
    inside = box.within(points.reshape(-1, 3)).reshape(points.shape[:-1])[..., None].to(outputs["rgb"])
    cropped = {name: outputs[name] * inside + (1 - inside) for name in ("rgb", "rgb_raw")}
    return {**outputs, **cropped, "accumulation": outputs["accumulation"] * inside}
