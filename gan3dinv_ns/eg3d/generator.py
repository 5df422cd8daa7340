"""The generator: latent and camera -> planes -> rendered features -> image (EG3D, figure 2)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from gan3dinv_ns.eg3d.backends.backend import TORCH, DecoderBackend, PointEvaluator
from gan3dinv_ns.eg3d.config import GeneratorConfig, RenderingOptions
from gan3dinv_ns.eg3d.decoder import OSGDecoder
from gan3dinv_ns.eg3d.depth_samples import Sampling
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.eg3d.renderer import render_rays
from gan3dinv_ns.eg3d.superresolution import SUPERRESOLUTIONS
from gan3dinv_ns.eg3d.synthesis import Backbone, NoiseMode, SynthesisBlock, SynthesisLayer, SynthesisNetwork

_PLANES = 3


class Generator(nn.Module):
    """A tri-plane generator; its parameters carry EG3D's names.

    Labels c [N, 25] are 16 numbers of camera_to_world, row-major, with OpenCV axes, and 9 of the intrinsics,
    normalised by the size of the image.

    Attributes:
        backend: what decodes points and composites rays; `backends/` has the choice. Not part of the state.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.rendering: RenderingOptions = config.rendering
        self.neural_rendering_resolution = config.neural_rendering_resolution
        synthesis = SynthesisNetwork(
            config.w_dim,
            config.plane_resolution,
            config.plane_channels * _PLANES,
            config.channel_base,
            config.channel_max,
            config.num_fp16_res,
            config.conv_clamp,
        )
        self.backbone = Backbone(config.z_dim, config.c_dim, config.mapping_layers, synthesis, config.w_dim)
        self.superresolution = SUPERRESOLUTIONS[config.superresolution](
            config.plane_channels, config.w_dim, config.rendering.sr_antialias, config.sr_num_fp16_res
        )
        self.decoder = OSGDecoder(config.plane_channels, config.plane_channels, config.rendering.decoder_lr_mul)
        self.backend: DecoderBackend = TORCH

    @property
    def z_dim(self) -> int:
        """Length of the latent z."""
        return self.config.z_dim

    @property
    def c_dim(self) -> int:
        """Length of the camera label."""
        return self.config.c_dim

    @property
    def w_dim(self) -> int:
        """Length of w."""
        return self.config.w_dim

    @property
    def num_ws(self) -> int:
        """How many w the synthesis takes."""
        return self.backbone.synthesis.num_ws

    @property
    def img_resolution(self) -> int:
        """Width and height of the image."""
        return self.config.img_resolution

    @property
    def plane_resolution(self) -> int:
        """Width and height of the planes."""
        return self.config.plane_resolution

    def mapping(
        self,
        z: Tensor,
        c: Tensor,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
    ) -> Tensor:
        """Latents ws [N, num_ws, w_dim].

        Args:
            z: [N, z_dim], standard normal.
            c: camera labels [N, c_dim] that the network is conditioned on.
            truncation_psi: 1 keeps w, 0 gives the mean latent.
            truncation_cutoff: only the first so many ws are truncated; None means all.
            update_w_avg: move the running mean of w towards this batch (training).
        """
        seen = torch.zeros_like(c) if self.rendering.c_gen_conditioning_zero else c * self.rendering.c_scale
        return self.backbone.mapping(z, seen, truncation_psi, truncation_cutoff, update_w_avg)

    def planes(self, ws: Tensor, noise_mode: NoiseMode = "const") -> Tensor:
        """Tri-planes [N, 3, C, R, R] of latents ws [N, num_ws, w_dim]."""
        flat = self.backbone.synthesis(ws, noise_mode)
        return flat.unflatten(1, (_PLANES, self.config.plane_channels))

    def render_rays(
        self, planes: Tensor, ray_origins: Tensor, ray_directions: Tensor, sampling: Sampling = "stratified"
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Features [N, M, C] in [-1, 1], depth [N, M, 1] and opacity [N, M, 1] along rays [N, M, 3]."""
        seen = render_rays(
            planes, self.decoder, ray_origins, ray_directions, self.rendering, sampling, backend=self.backend
        )
        return seen.features, seen.depth, seen.weights_sum

    def synthesis(
        self,
        ws: Tensor,
        c: Tensor,
        neural_rendering_resolution: int | None = None,
        sampling: Sampling = "stratified",
        noise_mode: NoiseMode = "const",
        planes: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Images of the latents from the cameras.

        Args:
            ws: [N, num_ws, w_dim].
            c: camera labels [N, 25].
            neural_rendering_resolution: width r of the volume rendering; None takes the generator's.
            sampling: "stratified" (random) or "midpoint" (reproducible).
            noise_mode: noise of the backbone, "const", "random" or "none".
            planes: result of `planes(ws)` to use again, [N, 3, C, R, R].

        Returns:
            image [N, 3, R, R] and image_raw [N, 3, r, r] in about [-1, 1]; image_depth [N, 1, r, r], the distance
            along the ray in box units; image_weights [N, 1, r, r], the opacity in [0, 1].
        """
        resolution = neural_rendering_resolution or self.neural_rendering_resolution
        origins, directions = sample_rays(c[:, :16].reshape(-1, 4, 4), c[:, 16:25].reshape(-1, 3, 3), resolution)
        if planes is None:
            planes = self.planes(ws, noise_mode)
        maps = [
            seen.transpose(1, 2).unflatten(2, (resolution, resolution))
            for seen in self.render_rays(planes, origins, directions, sampling)
        ]
        features, depth, weights = maps
        raw = features[:, :3]
        image, refined = self.superresolution(raw, features, ws, self.rendering.superresolution_noise_mode)
        if self.rendering.raw_is_refined:
            raw = refined
        return {"image": image, "image_raw": raw, "image_depth": depth, "image_weights": weights}

    def point_evaluator(self, planes: Tensor) -> PointEvaluator:
        """The field of planes [N, 3, C, R, R] at points, by the generator's backend."""
        return self.backend.evaluator(planes, self.decoder, self.rendering.box_warp, self.rendering.plane_axes)

    def sample_planes(self, planes: Tensor, points: Tensor) -> dict[str, Tensor]:
        """The field at points [N, M, 3] of planes [N, 3, C, R, R]: "rgb" [N, M, C] and "sigma" [N, M, 1].

        "sigma" is the density before softplus(sigma - 1).
        """
        rgb, sigma = self.point_evaluator(planes)(points)
        return {"rgb": rgb, "sigma": sigma}

    def sample_mixed(
        self, points: Tensor, directions: Tensor, ws: Tensor, noise_mode: NoiseMode = "const"
    ) -> dict[str, Tensor]:
        """The field at points [N, M, 3] of latents ws, as in `sample_planes`.

        The directions [N, M, 3] belong to EG3D's interface; its field looks the same from everywhere.
        """
        return self.sample_planes(self.planes(ws, noise_mode), points)

    def forward(self, z: Tensor, c: Tensor, truncation_psi: float = 1.0) -> dict[str, Tensor]:
        """`synthesis` of `mapping`, both with the camera c."""
        return self.synthesis(self.mapping(z, c, truncation_psi), c)

    def set_rendering(self, **changes: object) -> None:
        """Change rendering options, for example `depth_resolution=24`. Raises: ValueError for a bad value."""
        self.rendering = replace(self.rendering, **changes)  # type: ignore[arg-type]
        self.config = replace(self.config, rendering=self.rendering)

    def set_half(self, enabled: bool) -> None:
        """Let the blocks that were trained so compute in float16 on a GPU.

        On a CPU let super-resolution multiply its convolutions in bfloat16, and all layers their gradients; densities,
        and so the shape, stay in float32.
        """
        products = torch.bfloat16 if enabled else None
        for module in self.modules():
            if isinstance(module, SynthesisBlock):
                module.use_half = enabled
            elif isinstance(module, SynthesisLayer):
                module.gradient_products = products
        for module in self.superresolution.modules():
            if isinstance(module, SynthesisLayer):
                module.products = products
