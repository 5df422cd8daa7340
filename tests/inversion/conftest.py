"""A head of a few formulas that behaves like a generator: ellipsoids, eyes, mouth and hair, moved by a latent.

It renders in milliseconds, so whole inversions fit into tests. Nothing in it is learned; its weights can be tuned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.eg3d import Discriminator, DiscriminatorConfig, RenderingOptions
from gan3dinv_ns.eg3d.depth_samples import stratified_depths
from gan3dinv_ns.eg3d.marcher import expected_depth, interval_weights, sample_weights
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.inversion.settings import InversionSettings, ScheduleSettings, StartSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.views import orbit_labels

W_DIM = 16
TRAITS = 8
SIDE = 64


class ToyMapping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w_avg", torch.zeros(W_DIM))


class ToySynthesis(nn.Module):
    """Latent -> traits, in place of tri-planes: [N, 3, C, 1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.traits = nn.Linear(W_DIM, 3 * TRAITS)
        self.register_buffer("noise_const", torch.zeros(8, 8))
        with torch.no_grad():
            self.traits.weight.copy_(torch.randn(3 * TRAITS, W_DIM, generator=torch.Generator().manual_seed(1)) / 4)
            self.traits.bias.zero_()


class ToyBackbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mapping = ToyMapping()
        self.synthesis = ToySynthesis()


class ToyField(nn.Module):
    """Colours and density of the head at points, from traits."""

    def __init__(self) -> None:
        super().__init__()
        self.skin = nn.Parameter(torch.tensor([0.8, 0.6, 0.5]))
        self.hair = nn.Parameter(torch.tensor([0.35, 0.2, 0.1]))
        self.register_buffer("lips", torch.tensor([0.7, 0.2, 0.2]), persistent=False)

    def forward(self, traits: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        t = 0.25 * traits.flatten().tanh()
        x, y, z = points.unbind(-1)
        head = (x / (0.2 + 0.1 * t[0])).square() + (y / (0.27 + 0.1 * t[1])).square() + (z / 0.22).square()
        nose = (x / 0.04).square() + ((y + 0.02) / 0.07).square() + ((z - 0.23) / (0.06 + 0.06 * t[2])).square()
        sigma = 40.0 * torch.maximum(1.0 - head.clamp_min(1e-6).sqrt(), 1.0 - nose.clamp_min(1e-6).sqrt())

        def blob(cx: float, cy: Tensor, width: float, height: float) -> Tensor:
            return torch.exp(-((x - cx) / width).square() - ((y - cy) / height).square()) * torch.sigmoid(60 * z)

        eyes = blob(-0.08, 0.06 + 0.1 * t[3], 0.03, 0.02) + blob(0.08, 0.06 + 0.1 * t[3], 0.03, 0.02)
        mouth = blob(0.0, -0.12 + 0.1 * t[4], 0.06 + 0.1 * t[5], 0.02)
        crown = torch.sigmoid(40 * (y - 0.15 - z - 0.4 * t[6]))
        skin = (self.skin + 0.8 * t[8:11]).expand(*points.shape[:-1], 3)
        colour = skin.lerp((self.hair + 0.8 * t[11:14]).expand_as(skin), crown[..., None])
        colour = colour.lerp(torch.zeros_like(skin), eyes.clamp(0, 1)[..., None])
        return colour.lerp(self.lips.expand_as(skin), mouth.clamp(0, 1)[..., None]), sigma


class ToyGenerator(nn.Module):
    z_dim = W_DIM
    num_ws = 4
    img_resolution = SIDE
    neural_rendering_resolution = SIDE // 2

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ToyBackbone()
        self.decoder = ToyField()
        self.superresolution = nn.Conv2d(3, 3, 3, padding=1)
        nn.init.zeros_(self.superresolution.weight)
        nn.init.zeros_(self.superresolution.bias)
        self.rendering = RenderingOptions(depth_resolution=24, depth_resolution_importance=0, white_back=True)

    def mapping(self, z: Tensor, c: Tensor) -> Tensor:
        return z[:, None].expand(-1, self.num_ws, -1)

    def planes(self, ws: Tensor, noise_mode: str = "const") -> Tensor:
        traits = self.backbone.synthesis.traits(ws.mean(dim=1)) + 0 * self.backbone.synthesis.noise_const.sum()
        return traits.reshape(-1, 3, TRAITS, 1, 1)

    def render_rays(
        self, planes: Tensor, ray_origins: Tensor, ray_directions: Tensor, sampling: str = "stratified"
    ) -> tuple[Tensor, Tensor, Tensor]:
        options = self.rendering
        near = torch.full_like(ray_origins[..., :1], 2.25)
        depths = stratified_depths(near, near + 1.05, options.depth_resolution, sampling, False)  # type: ignore[arg-type]
        points = ray_origins[:, :, None] + depths[..., None] * ray_directions[:, :, None]
        colours, sigma = self.decoder(planes, points)
        weights = interval_weights(sigma, depths)
        opacity = weights.sum(dim=-1, keepdim=True)
        seen = (sample_weights(weights)[..., None] * colours).sum(dim=-2) + 1 - opacity
        return seen * 2 - 1, expected_depth(weights, depths).clamp(2.25, 3.3), opacity

    def synthesis(
        self,
        ws: Tensor,
        c: Tensor,
        neural_rendering_resolution: int | None = None,
        sampling: str = "stratified",
        planes: Tensor | None = None,
    ) -> dict[str, Tensor]:
        side = neural_rendering_resolution or self.neural_rendering_resolution
        origins, directions = sample_rays(c[:, :16].reshape(-1, 4, 4), c[:, 16:].reshape(-1, 3, 3), side)
        planes = self.planes(ws) if planes is None else planes
        raw, depth, weights = (
            one.transpose(1, 2).unflatten(2, (side, side))
            for one in self.render_rays(planes, origins, directions, sampling)
        )
        image = functional.interpolate(raw, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        image = image + self.superresolution(image)
        return {"image": image, "image_raw": raw, "image_depth": depth, "image_weights": weights}


@pytest.fixture(scope="session")
def toy_generator() -> ToyGenerator:
    """Shared: inversions copy it."""
    return ToyGenerator().eval()


@pytest.fixture(scope="session")
def toy_discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(DiscriminatorConfig(img_resolution=64, channel_base=256, channel_max=8)).eval()


@pytest.fixture(scope="session")
def toy_photo(toy_generator: ToyGenerator) -> Callable[[float, float, int], Tensor]:
    """Photo [1, 3, R, R] of the head of a seed (0: the mean head) from yaw and pitch."""

    def photo(yaw: float, pitch: float, seed: int = 0) -> Tensor:
        label = orbit_labels(torch.tensor([yaw]), torch.tensor([pitch]), FOCAL, 2.7)
        z = torch.randn(1, W_DIM, generator=torch.Generator().manual_seed(seed)) * (seed > 0)
        with torch.no_grad():
            return toy_generator.synthesis(toy_generator.mapping(z, label), label, sampling="midpoint")["image"]

    return photo


@pytest.fixture(scope="session")
def short_settings() -> InversionSettings:
    """A few steps of everything."""
    settings = InversionSettings(depth_samples=(16, 0))
    return replace(
        settings,
        start=StartSettings(yaw_count=5, pitch_count=3, resolution=16, candidates=3),
        schedule=ScheduleSettings(warmup_steps=3, project_steps=4, tune_steps=3, stop_below=0.0),
        pose=replace(settings.pose, resolution=24),
    )


@pytest.fixture
def make(
    toy_generator: ToyGenerator,
    toy_discriminator: Discriminator,
    toy_photo: Callable[..., Tensor],
    short_settings: InversionSettings,
) -> Callable[..., Inversion]:
    """Builds inversions of one photo of the same head, or of several, with changed settings."""

    def build(initialisers: Any = None, photos: int = 1, **changes: Any) -> Inversion:
        pictures = torch.cat([toy_photo(0.3 - 0.1 * index, 0.1, 2) for index in range(photos)])
        settings = replace(short_settings, **changes)
        return Inversion(toy_generator, toy_discriminator, pictures, settings, initialisers)  # type: ignore[arg-type]

    return build
