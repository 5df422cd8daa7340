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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gan3dinv_ns.eg3d import Generator, GeneratorConfig, save_generator
from gan3dinv_ns.heads.architecture import clear_noise, generator_config, start_silent
from gan3dinv_ns.heads.averaging import average_weights
from gan3dinv_ns.heads.embedding import AttributeEmbedding, embedding_file, save_embedding
from gan3dinv_ns.heads.finishing import fit_mapping, noisy_layers, normalize_maps, project_affines
from gan3dinv_ns.heads.objectives import Stage, supervised_losses
from gan3dinv_ns.heads.timed_training import TimedTraining
from gan3dinv_ns.heads.training_data import TrainingData, heads_in_step, load_training_data
from gan3dinv_ns.heads.validation import validate
from gan3dinv_ns.ops.muon import Muon

MAP_RATE = 30.0
"""Learning rate of the noise maps over that of Adam's other parameters."""
MUON_RATE = 3.3
"""Learning rate of Muon over that of Adam."""


@dataclass(frozen=True)
class TrainSettings:
    """How the generator is trained."""

    minutes: float = 75.0
    """Time for all stages together."""
    coarse_share: float = 0.45
    """Part of the time for the first stage."""
    image_share: float = 0.35
    """Part of the time for the last stage."""
    heads_per_step: int | None = None
    """Heads in a batch, with one view each; None takes 32 on CUDA, and 4 on a CPU, where steps count for more."""
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


class GeneratorTraining(TimedTraining):
    """One run: networks, optimisers, and the stages that the clock tells."""

    STATE = "training_state.pt"
    NEWEST = 0.02

    def __init__(self, data: TrainingData, folder: Path, settings: TrainSettings, config: GeneratorConfig) -> None:
        super().__init__(data, folder, settings.minutes, settings.save_minutes)
        self.settings = settings
        self.batch = heads_in_step(settings.heads_per_step, data.device)
        torch.manual_seed(settings.seed)
        self.generator = Generator(config).to(data.device).train()
        start_silent(self.generator)
        clear_noise(self.generator)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.embedding = AttributeEmbedding.fit(data.attributes[: data.train_count], data.names, settings.seed)
        self.optimizers = build_optimizers(self.generator, settings.learning_rate)
        self._resume()

    @property
    def stage(self) -> Stage:
        """What is trained now."""
        if self.progress < self.settings.coarse_share:
            return "coarse"
        return "fine" if self.progress < 1 - self.settings.image_share else "image"

    def run(self) -> Path:
        """Train until the time has passed, then finish the mapping network and write the generator: its path."""
        self._run_steps()
        self._save()
        return self._finish()

    def _train_step(self) -> dict[str, float]:
        settings = self.settings
        rate = settings.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * self.progress)))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * rate * min(1.0, (self.step + 1) / 100)
            optimizer.zero_grad(set_to_none=True)
        chosen, views = self.data.random_batch(self.batch, 1)
        ws = self.embedding.ws(self.data.attributes[chosen], self.generator.num_ws, self.data.device)
        losses = supervised_losses(self.generator, ws, views, self.stage, settings.patch)
        torch.stack(list(losses.values())).sum().backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self._average_weights()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _average_weights(self) -> None:
        horizon = min(self.settings.ema_heads, 0.1 * self.batch * (self.step + 1))
        average_weights(self.average, self.generator, 0.5 ** (self.batch / max(horizon, 1e-8)))

    def _report(self, figures: dict[str, float]) -> None:
        seen = validate(self.average, self.embedding, self.data, self.folder / "validation.png")
        line = {"stage": self.stage, "minutes": self.elapsed / 60, "step": self.step, **seen, **figures}
        print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}), flush=True)

    def _state(self) -> dict[str, Any]:
        return {
            "generator": self.generator.state_dict(), "average": self.average.state_dict(),
            "optimizers": [x.state_dict() for x in self.optimizers], "embedding": asdict(self.embedding),
        }  # fmt: skip

    def _take(self, state: dict[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        # More heads may have come since, and their attributes must not move the latents that are learned already.
        self.embedding = AttributeEmbedding(**state["embedding"])

    def _finish(self) -> Path:
        self._report({})
        project_affines(self.average, self.embedding.basis.to(self.data.device))
        normalize_maps(self.average)
        error = fit_mapping(self.average, self.embedding)
        path = self.folder / "generator.safetensors"
        save_generator(self.average, path, half=True)
        save_embedding(self.embedding, embedding_file(path))
        print(f"mapping network: mean squared error {error:.4f} of unit variance\ngenerator: {path}")
        return path


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


def train_generator(
    data: Sequence[Path], folder: Path, settings: TrainSettings, config: GeneratorConfig | None = None
) -> Path:
    """Train on packed heads; state, pictures and the generator go to ``folder``. Gives the generator's path."""
    return GeneratorTraining(load_training_data(data), folder, settings, config or generator_config()).run()


def main() -> None:
    """Command line without further dependencies, for machines that have torch only."""
    parser = argparse.ArgumentParser(description="Train the embedded generator on packed heads.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="packed heads (.safetensors)")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/generator"), help="state and results")
    parser.add_argument("--minutes", type=float, default=TrainSettings.minutes, help="time for the training")
    arguments = parser.parse_args()
    train_generator(arguments.data, arguments.output_dir, TrainSettings(minutes=arguments.minutes))


if __name__ == "__main__":
    main()
