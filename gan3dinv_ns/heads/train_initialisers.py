"""Training of latent encoder E and pose estimator P on pictures of heads whose latents and cameras are known.

The paper trains both on pictures of the generator itself, as nothing is known about photos (Ko et al., supplementary
material, A.2). Here true pictures come with their true latents and cameras, so both are regressions without a domain
gap; E learns the mean of all latents that explain a photo.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.cameras.rotations import yaw_pitch
from gan3dinv_ns.encoders import Initialisers, build_initialisers, find_initialisers, save_initialisers
from gan3dinv_ns.encoders.residual import shrink_photo
from gan3dinv_ns.heads.embedding import embedding_file, load_embedding
from gan3dinv_ns.heads.timed_training import TimedTraining
from gan3dinv_ns.heads.training_data import TrainingData, load_training_data

_YAW_PITCH_SPREAD = (0.3, 0.15)


@dataclass(frozen=True)
class InitialiserSettings:
    """How E and P are trained."""

    minutes: float = 15.0
    """Time in all."""
    batch: int = 32
    """Photos in a step."""
    learning_rate: float = 2e-3
    """AdamW's rate at the start; it falls to nothing along a cosine."""
    weight_decay: float = 0.02
    """AdamW's weight decay."""
    tint: float = 0.15
    """P sees each colour channel multiplied by up to 1 plus or minus this: photos are taken in any light."""
    save_minutes: float = 2.0
    """Time between two saves."""
    start: str | Path | None = None
    """A generator whose networks the training goes on from (a registered name, or a file beside which they lie); None
    starts from nothing."""


class InitialiserTraining(TimedTraining):
    """One run: both networks and their optimiser.

    Raises:
        ValueError: there are no networks where ``settings.start`` says.
    """

    STATE = "initialisers_state.pt"

    def __init__(self, data: TrainingData, embedding: Path, folder: Path, settings: InitialiserSettings) -> None:
        super().__init__(data, folder, settings.minutes, settings.save_minutes)
        self.settings = settings
        self.embedding = load_embedding(embedding)
        torch.manual_seed(0)
        self.networks = self._first_networks().to(data.device).train()
        self.optimizer = torch.optim.AdamW(
            self.networks.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        # The last view of four is taken from any side, which no photo is.
        self.frontal = data.views_per_head - 1 if data.views_per_head >= 4 else data.views_per_head
        self._resume()

    def _first_networks(self) -> Initialisers:
        if self.settings.start is None:
            return build_initialisers()
        found = find_initialisers(self.settings.start)
        if found is None:
            raise ValueError(f"--start {self.settings.start}: no encoder and pose estimator lie beside it")
        return found.requires_grad_(True)

    def run(self) -> Path:
        """Train until the time has passed and write both networks: their path."""
        figures = self._run_steps()
        self._report(figures)
        self._save()
        path = self.folder / "generator.initialisers.safetensors"
        save_initialisers(self.networks, path)
        print(f"initialisers: {path}")
        return path

    def _train_step(self) -> dict[str, float]:
        settings = self.settings
        chosen = torch.randint(self.data.train_count, (settings.batch,))
        photo, w, angles = self._photos(chosen, torch.randint(self.frontal, (settings.batch, 1)))
        tint = 1 + settings.tint * (2 * torch.rand(settings.batch, 3, 1, 1, device=photo.device) - 1)
        seen = (0.5 * photo + 0.5).mul(tint).clamp(0, 1) * 2 - 1
        spread = torch.tensor(_YAW_PITCH_SPREAD, device=photo.device)
        loss = F.mse_loss(self.networks.encoder(photo), w)
        loss = loss + ((self.networks.estimator(seen) - angles) / spread).square().mean()
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * self.progress))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {}

    def _photos(self, heads: Tensor, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Photos [N, 3, S, S], latents [N, w_dim], yaw and pitch [N, 2]."""
        seen = self.data.views(heads, views)
        photo = shrink_photo(2 * seen.image[:, 0] - 1, self.networks.config.side)
        latents = self.embedding.latents(self.data.attributes[heads]).to(photo)
        forward = seen.label[:, 0, :16].unflatten(1, (4, 4))[:, :3, 2]
        return photo, latents, torch.stack(yaw_pitch(-forward), dim=1)

    @torch.no_grad()
    def _report(self, figures: dict[str, float]) -> None:
        """Errors on the validation heads: of w, as a share of its variance, and of the view direction, in degrees."""
        self.networks.eval()
        heads = torch.arange(self.data.train_count, len(self.data.attributes))
        photo, w, angles = self._photos(heads, torch.zeros(len(heads), 1, dtype=torch.long))
        unexplained = float(F.mse_loss(self.networks.encoder(photo), w) / w.var(dim=0).mean())
        off = (self.networks.estimator(photo) - angles).norm(dim=1).rad2deg()
        self.networks.train()
        line = {
            "minutes": self.elapsed / 60, "step": self.step, "latent_unexplained": unexplained,
            "pose_deg_median": float(off.median()), "pose_deg_p90": float(off.quantile(0.9)),
            **figures,
        }  # fmt: skip
        print(json.dumps({key: round(value, 4) for key, value in line.items()}), flush=True)

    def _state(self) -> dict[str, Any]:
        return {"networks": self.networks.state_dict(), "optimizer": self.optimizer.state_dict()}

    def _take(self, state: dict[str, Any]) -> None:
        self.networks.load_state_dict(state["networks"])
        self.optimizer.load_state_dict(state["optimizer"])


def train_initialisers(
    data: Sequence[Path], generator: str | Path, folder: Path, settings: InitialiserSettings
) -> Path:
    """Train E and P for a generator (a registered name, or its file); gives their path in ``folder``."""
    return InitialiserTraining(load_training_data(data), embedding_file(generator), folder, settings).run()


def main() -> None:
    """Command line without further dependencies."""
    parser = argparse.ArgumentParser(description="Train latent encoder and pose estimator of the embedded generator.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="packed heads (.safetensors)")
    parser.add_argument("--generator", default="makehuman128-64", help="generator that they are for (name or file)")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/generator"), help="state and results")
    parser.add_argument("--minutes", type=float, default=InitialiserSettings.minutes, help="time for the training")
    parser.add_argument("--start", help="generator whose networks the training goes on from (name or file)")
    arguments = parser.parse_args()
    settings = InitialiserSettings(minutes=arguments.minutes, start=arguments.start)
    train_initialisers(arguments.data, arguments.generator, arguments.output_dir, settings)


if __name__ == "__main__":
    main()
