"""Training of the embedded generator on heads whose attributes, pictures, depths and cameras are known.

The latent of a head is given by its attributes (embedding.py), so the generator is trained by regression:

1. ``coarse``: backbone and decoder on points near known surfaces (surface.py), planes at half their resolution;
2. ``fine``: the same with whole planes;
3. ``image``: with volume rendering (supervision.py) on square patches, and the super-resolution behind it;

then the mapping network is fitted to the distribution of the latents, and the affine layers are projected onto the
directions of W that carry attributes, so that the others do nothing (finishing.py). A run is given by its time, not
its steps, so the same command suits two cores and a GPU. It keeps its state beside its results and goes on where it
was stopped.

Needs torch, numpy, Pillow, safetensors and tqdm only: ``python -m gan3dinv_ns.heads.train --data heads.safetensors``.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions, save_generator
from gan3dinv_ns.eg3d.marcher import interval_weights, sample_weights
from gan3dinv_ns.eg3d.synthesis import SynthesisLayer, ToRGBLayer
from gan3dinv_ns.heads.embedding import AttributeEmbedding
from gan3dinv_ns.heads.finishing import fit_mapping, noisy_layers, normalize_maps, project_affines
from gan3dinv_ns.heads.muon import Muon
from gan3dinv_ns.heads.supervision import (
    RaySamples,
    Views,
    detail_error,
    patch_pixels,
    ray_losses,
    robust_error,
    sample_rays,
)
from gan3dinv_ns.heads.surface import surface_losses, surface_points
from gan3dinv_ns.heads.training_data import TrainingData
from gan3dinv_ns.ops.allocator import keep_freed_memory
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import write_image

RIM = 4
"""Pixels at the inner sides of a patch that the losses leave out."""
MAP_RATE = 30.0
"""Learning rate of the noise maps over that of Adam's other parameters."""
MUON_RATE = 3.3
"""Learning rate of Muon over that of Adam."""
DETAIL_WEIGHT = 4.0
"""Weight of the high-pass errors: eyes, brows and mouths are small, and plain errors would learn them last."""


@dataclass(frozen=True)
class TrainSettings:
    """How the generator is trained."""

    minutes: float = 75.0
    """Time for all stages together."""
    coarse_share: float = 0.45
    """Part of the time for the first stage."""
    image_share: float = 0.35
    """Part of the time for the last stage."""
    heads_per_step: int = 4
    """Heads in a batch, with one view each."""
    patch: int = 32
    """Width of the patches of the image stage, in pixels of the volume rendering."""
    learning_rate: float = 3e-3
    """Adam's rate at the start; all rates fall to a twentieth along a cosine."""
    ema_heads: int = 3000
    """Heads after which the averaged weights have forgotten half."""
    save_minutes: float = 3.0
    """Time between two saves."""
    seed: int = 0
    """Seed of the initial weights and of the latent directions."""


def generator_config() -> GeneratorConfig:
    """The architecture of the embedded generator: EG3D with the 2X module, 64 -> 128 pixels."""
    return GeneratorConfig(
        mapping_layers=2,
        plane_resolution=128,
        channel_base=4096,
        channel_max=128,
        sr_num_fp16_res=0,
        rendering=RenderingOptions(
            ray_start=2.32,
            ray_end=3.06,
            box_warp=0.75,
            depth_resolution=24,
            depth_resolution_importance=16,
            white_back=True,
            plane_axes="yz",
            c_gen_conditioning_zero=True,
        ),
    )


class GeneratorTraining:
    """One run: networks, optimiser, clock and files in ``folder``."""

    def __init__(self, data: TrainingData, folder: Path, settings: TrainSettings, config: GeneratorConfig) -> None:
        self.data, self.folder, self.settings = data, folder, settings
        torch.manual_seed(settings.seed)
        self.generator = Generator(config).to(data.device).train()
        start_silent(self.generator)
        clear_noise(self.generator)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.embedding = AttributeEmbedding.fit(data.attributes[: data.train_count], data.names, settings.seed)
        self.optimizers = build_optimizers(self.generator, settings.learning_rate)
        self.limits = (float(config.rendering.ray_start or 0), float(config.rendering.ray_end or 0))
        self.elapsed, self.step = 0.0, 0
        self._resume()

    @property
    def progress(self) -> float:
        """Part of the time that has passed, in [0, 1]."""
        return min(self.elapsed / (60 * self.settings.minutes), 1.0)

    @property
    def stage(self) -> Literal["coarse", "fine", "image"]:
        """What is trained now."""
        if self.progress < self.settings.coarse_share:
            return "coarse"
        return "fine" if self.progress < 1 - self.settings.image_share else "image"

    def run(self) -> None:
        """Train until the time has passed, then finish the mapping network and write the generator."""
        last_save = self.elapsed
        losses: dict[str, float] = {}
        while self.progress < 1:
            began = time.monotonic()
            for name, value in self._train_step().items():
                losses[name] = 0.98 * losses.get(name, value) + 0.02 * value
            self.elapsed += time.monotonic() - began
            self.step += 1
            if self.elapsed - last_save > 60 * self.settings.save_minutes:
                self._report(losses)
                self._save()
                last_save = self.elapsed
        self._save()
        self._finish()

    def _train_step(self) -> dict[str, float]:
        settings = self.settings
        rate = settings.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * self.progress)))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * rate * min(1.0, (self.step + 1) / 100)
            optimizer.zero_grad(set_to_none=True)
        chosen, views = self.data.random_batch(settings.heads_per_step, 1)
        latents = self.embedding.latents(self.data.attributes[chosen]).to(self.data.device)
        ws = latents[:, None].expand(-1, self.generator.num_ws, -1)
        losses = self._losses(ws, views)
        torch.stack(list(losses.values())).sum().backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self._average_weights(settings.heads_per_step)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, ws: Tensor, views: Views) -> dict[str, Tensor]:
        stage, generator = self.stage, self.generator
        full = generator.plane_resolution
        planes = generator.backbone.synthesis(ws, last=full // 2 if stage == "coarse" else full).unflatten(1, (3, -1))
        truth = surface_points(views, *self.limits)
        seen = generator.sample_planes(planes, truth.points)
        losses = surface_losses(seen["rgb"], seen["sigma"], truth)
        losses["surface_detail"] = DETAIL_WEIGHT * losses["surface_detail"]
        return {**losses, **self._patch_losses(ws, planes, views)} if stage == "image" else losses

    def _patch_losses(self, ws: Tensor, planes: Tensor, views: Views) -> dict[str, Tensor]:
        """Losses of one random patch a head, rendered at half the size of the pictures and upsampled."""
        generator, size = self.generator, self.settings.patch
        near, far = self.limits
        room = generator.neural_rendering_resolution - size
        top, left = random_place(room), random_place(room)
        raw_views = views.halved()
        rays = sample_rays(raw_views, patch_pixels(raw_views, top, left, size), near, far)
        features, opacity, depth = render_samples(generator, planes, rays)
        losses = ray_losses(features[..., :3], opacity, depth, rays)
        maps = 2 * features.transpose(1, 2).unflatten(2, (size, size)) - 1
        last = ws[:, -1:].expand(-1, 3, -1)
        x, image = generator.superresolution.block0(maps, maps[:, :3], last, "none")
        image = generator.superresolution.block1(x, image, last, "none")[1]
        window = (
            slice(None),
            0,
            slice(None),
            slice(2 * top, 2 * (top + size)),
            slice(2 * left, 2 * (left + size)),
        )
        inside = (..., without_rim(top, size, room), without_rim(left, size, room))
        image, true_image = 0.5 * image[inside] + 0.5, views.image[window][inside]
        true_raw = rays.rgb.transpose(1, 2).unflatten(2, (size, size))
        return {
            **losses,
            "image": robust_error(image, true_image),
            "image_detail": DETAIL_WEIGHT * detail_error(image, true_image),
            "raw_detail": DETAIL_WEIGHT * detail_error(0.5 * maps[:, :3] + 0.5, true_raw),
        }

    @torch.no_grad()
    def _average_weights(self, heads: int) -> None:
        horizon = min(self.settings.ema_heads, 0.1 * heads * (self.step + 1))
        keep = 0.5 ** (heads / max(horizon, 1e-8))
        for mean, current in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(current, 1 - keep)
        for ours, theirs in zip(noisy_layers(self.average), noisy_layers(self.generator), strict=True):
            ours.noise_const.lerp_(theirs.noise_const, 1 - keep)

    @torch.no_grad()
    def _report(self, losses: dict[str, float]) -> None:
        chosen, views = self.data.validation_batch(16)
        ws = self.embedding.latents(self.data.attributes[chosen]).to(self.data.device)
        ws = ws[:, None].expand(-1, self.average.num_ws, -1)
        seen = self.average.synthesis(ws, views.label[:, 0], sampling="midpoint")
        true = 2 * views.image[:, 0] - 1
        line = {
            "stage": self.stage, "minutes": round(self.elapsed / 60, 1), "step": self.step,
            "psnr_image": psnr(seen["image"], true), "psnr_raw": psnr(seen["image_raw"], F.avg_pool2d(true, 2)),
            **losses,
        }  # fmt: skip
        print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}), flush=True)
        raw = F.interpolate(seen["image_raw"], true.shape[-2:])
        depth = F.interpolate(1 - 2.5 * (seen["image_depth"] - self.limits[0]), true.shape[-2:]).expand(-1, 3, -1, -1)
        rows = [torch.cat(list(x[:8].clamp(-1, 1).cpu()), dim=2) for x in (true, seen["image"], raw, depth)]
        write_image(self.folder / "validation.png", torch.cat(rows, dim=1)[None])

    def _state_path(self) -> Path:
        return self.folder / "training_state.pt"

    def _save(self) -> None:
        state = {
            "generator": self.generator.state_dict(), "average": self.average.state_dict(),
            "optimizers": [x.state_dict() for x in self.optimizers], "elapsed": self.elapsed, "step": self.step,
            "embedding": asdict(self.embedding),
        }  # fmt: skip
        with atomic_path(self._state_path()) as temporary:
            torch.save(state, temporary)

    def _resume(self) -> None:
        if not self._state_path().exists():
            return
        state = torch.load(self._state_path(), map_location=self.data.device, weights_only=True)
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        # More heads may have come since, and their attributes must not move the latents that are learned already.
        self.embedding = AttributeEmbedding(**state["embedding"])
        self.elapsed, self.step = state["elapsed"], state["step"]
        print(f"resumed at {self.elapsed / 60:.1f} of {self.settings.minutes:.1f} minutes, step {self.step}")

    def _finish(self) -> None:
        self._report({})
        project_affines(self.average, self.embedding.basis.to(self.data.device))
        normalize_maps(self.average)
        error = fit_mapping(self.average, self.embedding)
        path = self.folder / "generator.safetensors"
        save_generator(self.average, path, half=True)
        with atomic_path(self.folder / "embedding.pt") as temporary:
            torch.save(asdict(self.embedding), temporary)
        print(f"mapping network: mean squared error {error:.4f} of unit variance\ngenerator: {path}")


def random_place(room: int) -> int:
    """Where a patch begins, from 0 to ``room``; the ends are likelier, as the sides of pictures are learned there."""
    return int(torch.randint(-room // 4, room + room // 4 + 1, ()).clamp(0, room))


def without_rim(place: int, size: int, room: int) -> slice:
    """The pixels of an upsampled patch that the losses see, along one axis.

    Inside a picture, the convolutions' padding at the sides of a patch is not that of the whole picture, so `RIM`
    pixels are left out; a side of the patch that is one of the picture's counts to its end.
    """
    return slice(0 if place == 0 else RIM, 2 * size if place == room else 2 * size - RIM)


def build_optimizers(generator: Generator, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for convolutions and styles, Adam for the decoder, biases and noise maps.

    With the same seconds, convolutions trained by Muon are ahead of those trained by Adam from the third minute on.
    """
    matrices: list[nn.Parameter] = []
    others = list(generator.decoder.parameters())
    for network in (generator.backbone.synthesis, generator.superresolution):
        for name, weight in network.named_parameters():
            (matrices if name.endswith("weight") else others).append(weight)
    maps = [layer.noise_const.requires_grad_(True) for layer in noisy_layers(generator)]
    adam = torch.optim.Adam(
        [{"params": others, "factor": 1.0}, {"params": maps, "factor": MAP_RATE}],
        lr=learning_rate,
        betas=(0.9, 0.99),
    )
    return [adam, Muon([{"params": matrices, "factor": MUON_RATE}], lr=MUON_RATE * learning_rate)]


def render_samples(generator: Generator, planes: Tensor, rays: RaySamples) -> tuple[Tensor, Tensor, Tensor]:
    """Features [N, M, C] in [0, 1] on white, opacity [N, M] and opacity-weighted depth [N, M] of given samples."""
    points = rays.origins[:, :, None] + rays.distances[..., None] * rays.directions[:, :, None]
    seen = generator.sample_planes(planes, points.flatten(1, 2))
    shape = rays.distances.shape[1:]
    weights = sample_weights(interval_weights(seen["sigma"].squeeze(-1).unflatten(1, shape), rays.distances))
    opacity = weights.sum(dim=-1)
    features = (weights[..., None, :] @ seen["rgb"].unflatten(1, shape)).squeeze(-2)
    return features + (1 - opacity[..., None]), opacity, (weights * rays.distances).sum(dim=-1)


@torch.no_grad()
def clear_noise(generator: Generator) -> None:
    """Start with noise maps of zero and strength one: they are learned, as the places where heads have details.

    Without them everything local (an eye, a lip) has to grow out of one 4 x 4 constant, which takes long.
    """
    for layer in noisy_layers(generator):
        layer.noise_const.zero_()
        layer.noise_strength.fill_(1.0)


@torch.no_grad()
def start_silent(generator: Generator) -> None:
    """Start with latents that do nothing: the mean head is learned first, and attributes from there.

    A random start makes heads differ wildly, which has to be unlearned. What joins later adds nothing to the picture
    at first either: the planes' last resolution, and the super-resolution, which starts as plain upsampling.
    """
    for module in generator.modules():
        if isinstance(module, SynthesisLayer | ToRGBLayer):
            module.affine.weight.zero_()
    late = [generator.backbone.synthesis.get_submodule(f"b{generator.plane_resolution}")]
    late += [generator.superresolution.block0, generator.superresolution.block1]
    for block in late:
        block.get_parameter("torgb.weight").zero_()


def psnr(image: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [-1, 1]."""
    return float(10 * torch.log10(4 / F.mse_loss(image.clamp(-1, 1), reference)))


def train_generator(data: Path, folder: Path, settings: TrainSettings, config: GeneratorConfig | None = None) -> None:
    """Train on the packed heads ``data``; state, pictures and the generator go to ``folder``."""
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    heads = TrainingData(data, held_out=64, device=device)
    GeneratorTraining(heads, folder, settings, config or generator_config()).run()


def main() -> None:
    """Command line without further dependencies, for machines that have torch only."""
    parser = argparse.ArgumentParser(description="Train the embedded generator on packed heads.")
    parser.add_argument("--data", type=Path, required=True, help="packed heads (one .safetensors file)")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/generator"), help="state and results")
    parser.add_argument("--minutes", type=float, default=TrainSettings.minutes, help="time for the training")
    arguments = parser.parse_args()
    train_generator(arguments.data, arguments.output_dir, TrainSettings(minutes=arguments.minutes))


if __name__ == "__main__":
    main()
