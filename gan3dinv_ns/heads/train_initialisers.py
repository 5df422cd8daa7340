"""Training of latent encoder E and pose estimator P on pictures of heads whose latents and cameras are known.

The paper trains both on pictures of the generator itself, as nothing is known about photos (Ko et al., supplementary
material, A.2). Here true pictures come with their true latents and cameras, so both are regressions without a domain
gap; E learns the mean of all latents that explain a photo.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.cameras.rotations import yaw_pitch
from gan3dinv_ns.encoders import build_initialisers, save_initialisers
from gan3dinv_ns.heads.embedding import load_embedding
from gan3dinv_ns.heads.training_data import TrainingData
from gan3dinv_ns.ops.allocator import keep_freed_memory
from gan3dinv_ns.ops.atomic_files import atomic_path

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


class InitialiserTraining:
    """One run: networks, optimiser, clock and files in ``folder``."""

    def __init__(self, data: TrainingData, embedding: Path, folder: Path, settings: InitialiserSettings) -> None:
        self.data, self.folder, self.settings = data, folder, settings
        self.embedding = load_embedding(embedding)
        torch.manual_seed(0)
        self.networks = build_initialisers().to(data.device).train()
        self.optimizer = torch.optim.AdamW(
            self.networks.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        # The last view of four is taken from any side, which no photo is.
        self.frontal = data.views_per_head - 1 if data.views_per_head >= 4 else data.views_per_head
        self.elapsed, self.step = 0.0, 0
        self._resume()

    def run(self) -> Path:
        """Train until the time has passed and write both networks: their path."""
        last_save = self.elapsed
        while self.elapsed < 60 * self.settings.minutes:
            began = time.monotonic()
            self._train_step()
            self.elapsed += time.monotonic() - began
            self.step += 1
            if self.elapsed - last_save > 60 * self.settings.save_minutes:
                last_save = self.elapsed
                self._report()
                self._save()
        self._report()
        self._save()
        path = self.folder / "generator.initialisers.safetensors"
        save_initialisers(self.networks, path)
        print(f"initialisers: {path}")
        return path

    def _train_step(self) -> None:
        settings = self.settings
        chosen = torch.randint(self.data.train_count, (settings.batch,))
        photo, w, angles = self._photos(chosen, torch.randint(self.frontal, (settings.batch, 1)))
        tint = 1 + settings.tint * (2 * torch.rand(settings.batch, 3, 1, 1, device=photo.device) - 1)
        seen = (0.5 * photo + 0.5).mul(tint).clamp(0, 1) * 2 - 1
        spread = torch.tensor(_YAW_PITCH_SPREAD, device=photo.device)
        loss = F.mse_loss(self.networks.encoder(photo), w)
        loss = loss + ((self.networks.estimator(seen) - angles) / spread).square().mean()
        progress = min(self.elapsed / (60 * settings.minutes), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def _photos(self, heads: Tensor, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Photos [N, 3, S, S], latents [N, w_dim], yaw and pitch [N, 2]."""
        seen = self.data.views(heads, views)
        photo = F.interpolate(2 * seen.image[:, 0] - 1, size=(self.networks.config.side,) * 2, mode="area")
        latents = self.embedding.latents(self.data.attributes[heads]).to(photo)
        forward = seen.label[:, 0, :16].unflatten(1, (4, 4))[:, :3, 2]
        return photo, latents, torch.stack(yaw_pitch(-forward), dim=1)

    @torch.no_grad()
    def _report(self) -> None:
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
        }  # fmt: skip
        print(json.dumps({key: round(value, 4) for key, value in line.items()}), flush=True)

    def _state_path(self) -> Path:
        return self.folder / "initialisers_state.pt"

    def _save(self) -> None:
        state = {
            "networks": self.networks.state_dict(), "optimizer": self.optimizer.state_dict(),
            "elapsed": self.elapsed, "step": self.step,
        }  # fmt: skip
        with atomic_path(self._state_path()) as temporary:
            torch.save(state, temporary)

    def _resume(self) -> None:
        if not self._state_path().exists():
            return
        state = torch.load(self._state_path(), map_location=self.data.device, weights_only=True)
        self.networks.load_state_dict(state["networks"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.elapsed, self.step = state["elapsed"], state["step"]
        print(f"resumed at {self.elapsed / 60:.1f} of {self.settings.minutes:.1f} minutes, step {self.step}")


def train_initialisers(data: Sequence[Path], regression: Path, folder: Path, settings: InitialiserSettings) -> Path:
    """Train E and P for the generator of a finished regression; gives their path in ``folder``."""
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    heads = TrainingData(data, held_out=64, device=device)
    folder.mkdir(parents=True, exist_ok=True)
    return InitialiserTraining(heads, regression / "embedding.pt", folder, settings).run()


def main() -> None:
    """Command line without further dependencies."""
    parser = argparse.ArgumentParser(description="Train latent encoder and pose estimator of the embedded generator.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="packed heads (.safetensors)")
    parser.add_argument("--regression", type=Path, required=True, help="folder of the finished regression")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/generator"), help="state and results")
    parser.add_argument("--minutes", type=float, default=InitialiserSettings.minutes, help="time for the training")
    arguments = parser.parse_args()
    settings = InitialiserSettings(minutes=arguments.minutes)
    train_initialisers(arguments.data, arguments.regression, arguments.output_dir, settings)


if __name__ == "__main__":
    main()
