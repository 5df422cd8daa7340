"""Adversarial training after the regression: a sharper generator, and the discriminator that ships beside it.

EG3D's recipe (Chan et al., 2022, section 4): the non-saturating logistic loss, a lazy R1 penalty (Mescheder et al.,
2018), dual discrimination given the camera, a density regularisation and averaged weights. Two things differ. The
losses of the regression stay on for half of each batch, so that sharper faces keep their places. The discriminator
learns from a store of generated pictures, into which new ones are mixed (Shrivastava et al., 2017); it begins alone,
and where only a discriminator is wanted, it stays alone. The mapping network of the embedded generator does not see
the camera, so there is no pose to be swapped.

Besides, the discriminator's features are the perceptual distance of an inversion that needs no download (as in
"Exploiting Deep Generative Prior", Pan et al., 2020).
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan3dinv_ns.eg3d import Discriminator, Generator, load_generator, save_discriminator, save_generator
from gan3dinv_ns.heads.architecture import discriminator_config
from gan3dinv_ns.heads.averaging import average_weights
from gan3dinv_ns.heads.embedding import AttributeEmbedding, embedding_file, load_embedding
from gan3dinv_ns.heads.finishing import normalize_maps
from gan3dinv_ns.heads.objectives import supervised_losses
from gan3dinv_ns.heads.picture_store import PictureStore
from gan3dinv_ns.heads.supervision import Views
from gan3dinv_ns.heads.timed_training import TimedTraining
from gan3dinv_ns.heads.train import build_optimizers
from gan3dinv_ns.heads.training_data import TrainingData, heads_in_step, load_training_data
from gan3dinv_ns.heads.validation import validate


@dataclass(frozen=True)
class AdversarialSettings:
    """How generator and discriminator are trained against each other."""

    minutes: float = 25.0
    """Time in all, the first pictures of the store not counted."""
    alone_share: float = 0.4
    """Part of the time during which only the discriminator learns; 1 leaves the generator as it is."""
    stored: int = 600
    """Generated pictures that the discriminator learns from."""
    heads_per_step: int | None = None
    """Heads in a batch of the generator, half of them known; None takes 32 on CUDA and 4 on a CPU."""
    pictures_per_step: int = 16
    """Real pictures in a batch of the discriminator, and as many generated ones."""
    generator_rate: float = 3e-4
    """Adam's rate of the generator (see `build_optimizers` for Muon's)."""
    discriminator_rate: float = 2e-3
    """Adam's rate of the discriminator."""
    adversarial_weight: float = 0.01
    """Weight of the adversarial loss beside those of the regression."""
    r1_weight: float = 1.0
    """Weight of the penalty on the gradient at real pictures."""
    r1_every: int = 16
    """Steps between two penalties."""
    density_weight: float = 0.25
    """Weight of the density regularisation."""
    density_every: int = 4
    """Steps between two of it."""
    patch: int = 32
    """Width of the regression's patches, in pixels of the volume rendering."""
    ema_heads: int = 1000
    """Heads after which the averaged weights have forgotten half."""
    save_minutes: float = 3.0
    """Time between two saves."""


class AdversarialTraining(TimedTraining):
    """One run: both networks and their optimisers.

    Args:
        data: packed heads.
        regression: folder of the finished regression (train.py).
        folder: where state and results go.
    """

    STATE = "adversarial_state.pt"

    def __init__(self, data: TrainingData, regression: Path, folder: Path, settings: AdversarialSettings) -> None:
        super().__init__(data, folder, settings.minutes, settings.save_minutes)
        self.settings, device = settings, data.device
        self.batch = heads_in_step(settings.heads_per_step, device)
        self.known = max(self.batch // 2, 1)
        trained = regression / "generator.safetensors"
        self.embedding: AttributeEmbedding = load_embedding(embedding_file(trained))
        self.generator = load_generator(trained, device=device)
        self.generator.train().requires_grad_(True)
        self.generator.backbone.mapping.requires_grad_(False)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        torch.manual_seed(0)
        self.discriminator = Discriminator(discriminator_config()).to(device)
        self.optimizers = build_optimizers(self.generator, settings.generator_rate)
        betas = (0.0, 0.99)
        self.judge = torch.optim.Adam(self.discriminator.parameters(), lr=settings.discriminator_rate, betas=betas)
        self.store = PictureStore()
        self._resume()

    def run(self) -> Path:
        """Train until the time has passed and write both networks; gives the generator's path."""
        self._fill_store()
        figures = self._run_steps()
        self._report(figures)
        self._save()
        normalize_maps(self.average)
        path = self.folder / "generator.safetensors"
        save_generator(self.average, path, half=True)
        save_discriminator(self.discriminator, path.with_suffix(".discriminator.safetensors"), half=True)
        print(f"generator: {path}\ndiscriminator: {path.with_suffix('.discriminator.safetensors')}")
        return path

    def _train_step(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        if self.elapsed >= 60 * self.settings.minutes * self.settings.alone_share:
            figures |= self._generator_step()
        return figures | self._discriminator_step()

    def _generator_step(self) -> dict[str, float]:
        settings, generator = self.settings, self.generator
        ws, views = self._mixed_batch()
        label = views.label[:, 0]
        losses = supervised_losses(generator, ws[: self.known], views.first(self.known), "image", settings.patch)
        pictures = generator.synthesis(ws, label)
        logits = self.discriminator(_both(pictures), label)
        losses["adversarial"] = settings.adversarial_weight * F.softplus(-logits).mean()
        if self.step % settings.density_every == 0:
            losses["density"] = settings.density_weight * settings.density_every * density_variation(generator, ws)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * settings.generator_rate
            optimizer.step()
        average_weights(self.average, generator, 0.5 ** (self.batch / settings.ema_heads))
        self.store.mix_in(_both(pictures), label)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _discriminator_step(self) -> dict[str, float]:
        settings = self.settings
        real, labels = self._real_pictures(settings.pictures_per_step)
        fake, fake_labels = self.store.draw(settings.pictures_per_step, self.data.device)
        penalise = self.step % settings.r1_every == 0
        if penalise:
            real = {key: image.requires_grad_(True) for key, image in real.items()}
        real_logits = self.discriminator(real, labels)
        fake_logits = self.discriminator(fake, fake_labels)
        loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        if penalise:
            penalty = gradient_penalty(real_logits, real)
            loss = loss + 0.5 * settings.r1_weight * settings.r1_every * penalty
        self.judge.zero_grad(set_to_none=True)
        loss.backward()
        self.judge.step()
        right = ((real_logits > 0).float().mean() + (fake_logits < 0).float().mean()) / 2
        return {"discriminator": float(loss.detach()), "told_right": float(right)}

    def _mixed_batch(self) -> tuple[Tensor, Views]:
        """Latents ws of `known` training heads, then of drawn ones, and views whose cameras serve all of them."""
        chosen, views = self.data.random_batch(self.batch, 1)
        attributes = self.data.attributes[chosen[: self.known]]
        known = self.embedding.ws(attributes, self.generator.num_ws, self.data.device)
        return torch.cat([known, self._drawn_latents(self.batch - self.known)]), views

    @torch.no_grad()
    def _drawn_latents(self, count: int) -> Tensor:
        device = self.data.device
        z = torch.randn(count, self.generator.z_dim, device=device)
        return self.generator.mapping(z, torch.zeros(count, self.generator.c_dim, device=device))

    def _real_pictures(self, count: int) -> tuple[dict[str, Tensor], Tensor]:
        """Random views of the training heads and their labels [N, 25]; "image_raw" is the image at half the size."""
        _, views = self.data.random_batch(count, 1)
        image = 2 * views.image[:, 0] - 1
        return {"image": image, "image_raw": F.avg_pool2d(image, 2)}, views.label[:, 0]

    @torch.no_grad()
    def _fill_store(self) -> None:
        missing = range(len(self.store), self.settings.stored, self.batch)
        for _ in tqdm(missing, desc="pictures of the generator", leave=False, disable=None):
            ws, views = self._mixed_batch()
            label = views.label[:, 0]
            self.store.add(_both(self.generator.synthesis(ws, label)), label)

    def _report(self, figures: dict[str, float]) -> None:
        seen = validate(self.average, self.embedding, self.data, self.folder / "validation.png")
        line = {"minutes": self.elapsed / 60, "step": self.step, **seen, **figures}
        print(json.dumps({k: round(v, 4) for k, v in line.items()}), flush=True)

    def _networks(self) -> dict[str, Generator | Discriminator]:
        return {"generator": self.generator, "average": self.average, "discriminator": self.discriminator}

    def _state(self) -> dict[str, Any]:
        return {
            **{name: network.state_dict() for name, network in self._networks().items()},
            "optimizers": [x.state_dict() for x in (*self.optimizers, self.judge)],
            "store": self.store.state(),
        }  # fmt: skip

    def _take(self, state: dict[str, Any]) -> None:
        for name, network in self._networks().items():
            network.load_state_dict(state[name])
        for optimizer, saved in zip((*self.optimizers, self.judge), state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.store = PictureStore(state["store"])


def _both(pictures: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the dual discriminator sees."""
    return {"image": pictures["image"], "image_raw": pictures["image_raw"]}


def gradient_penalty(logits: Tensor, pictures: dict[str, Tensor]) -> Tensor:
    """R1: the mean squared length of the logits' gradient at pictures (Mescheder et al., 2018)."""
    gradients = torch.autograd.grad(logits.sum(), list(pictures.values()), create_graph=True)
    return torch.stack([gradient.square().sum(dim=(1, 2, 3)).mean() for gradient in gradients]).sum()


def density_variation(generator: Generator, ws: Tensor, points: int = 1000, step: float = 0.004) -> Tensor:
    """Mean absolute change of the density between random points and points beside them (EG3D's regularisation).

    Args:
        step: standard deviation of the distance, in sides of the box.
    """
    side = generator.rendering.box_warp
    at = (torch.rand(len(ws), points, 3, device=ws.device) - 0.5) * side
    beside = at + step * side * torch.randn_like(at)
    sigma = generator.sample_planes(generator.planes(ws), torch.cat([at, beside], dim=1))["sigma"]
    first, second = F.softplus(sigma - 1).split(points, dim=1)
    return (first - second).abs().mean()


def train_adversarially(data: Sequence[Path], regression: Path, folder: Path, settings: AdversarialSettings) -> Path:
    """Train on after a regression; state and both networks go to ``folder``. Gives the generator's path."""
    return AdversarialTraining(load_training_data(data), regression, folder, settings).run()


def main() -> None:
    """Command line without further dependencies."""
    parser = argparse.ArgumentParser(description="Train generator and discriminator against each other.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="packed heads (.safetensors)")
    parser.add_argument("--regression", type=Path, required=True, help="folder of the finished regression")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/adversarial"), help="state and results")
    parser.add_argument("--minutes", type=float, default=AdversarialSettings.minutes, help="time for the training")
    parser.add_argument(
        "--alone-share", type=float, default=AdversarialSettings.alone_share, help="part for the discriminator alone"
    )
    arguments = parser.parse_args()
    settings = AdversarialSettings(minutes=arguments.minutes, alone_share=arguments.alone_share)
    train_adversarially(arguments.data, arguments.regression, arguments.output_dir, settings)


if __name__ == "__main__":
    main()
