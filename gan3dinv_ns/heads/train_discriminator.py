"""Training of the discriminator that ships beside the embedded generator.

The generator is learned by regression, so its discriminator is trained afterwards: real pictures of heads against
pictures of the finished generator from the same cameras, with the logistic loss and the R1 penalty (Mescheder et
al., 2018). What it is for: its features are the perceptual distance of an inversion that needs no download (as in
"Exploiting Deep Generative Prior", Pan et al., 2020).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gan3dinv_ns.eg3d import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    load_discriminator,
    load_generator,
    save_discriminator,
)
from gan3dinv_ns.heads.training_data import TrainingData
from gan3dinv_ns.ops.allocator import keep_freed_memory


@dataclass(frozen=True)
class DiscriminatorSettings:
    """How the discriminator is trained."""

    minutes: float = 10.0
    """Time for the training, the pictures of the generator not counted."""
    generated: int = 1000
    """Pictures of the generator that it is trained against."""
    batch: int = 16
    """Real and generated pictures in a step, each."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    r1_weight: float = 1.0
    """Weight of the penalty on the gradient at real pictures."""
    r1_every: int = 16
    """Steps between two penalties."""


def discriminator_config() -> DiscriminatorConfig:
    """EG3D's dual discriminator, as narrow as the embedded generator."""
    return DiscriminatorConfig(img_resolution=128, channel_base=4096, channel_max=128, mapping_layers=2)


@torch.no_grad()
def generated_pictures(generator: Generator, labels: Tensor) -> dict[str, Tensor]:
    """Pictures of random latents from cameras [N, 25], in batches: "image" and "image_raw"."""
    batches = []
    for batch in tqdm(labels.split(8), desc="pictures of the generator", leave=False, disable=None):
        z = torch.randn(len(batch), generator.z_dim, device=batch.device)
        seen = generator.synthesis(generator.mapping(z, batch), batch)
        batches.append({key: seen[key].cpu() for key in ("image", "image_raw")})
    return {key: torch.cat([seen[key] for seen in batches]) for key in ("image", "image_raw")}


def real_pictures(data: TrainingData, count: int) -> tuple[dict[str, Tensor], Tensor]:
    """Random views of the training heads and their labels [N, 25]; "image_raw" is the image at half the size."""
    _, views = data.random_batch(count, 1)
    image = 2 * views.image[:, 0] - 1
    return {"image": image, "image_raw": F.avg_pool2d(image, 2)}, views.label[:, 0]


def train_discriminator(data_path: Path, generator_path: Path, settings: DiscriminatorSettings) -> Path:
    """Train against the generator in NAME.safetensors; gives the path, NAME.discriminator.safetensors beside it.

    A discriminator that is there already is trained on.
    """
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    data = TrainingData(data_path, held_out=64, device=device)
    generator = load_generator(generator_path, device=device)
    discriminator = Discriminator(discriminator_config()).to(device)
    path = generator_path.with_suffix(".discriminator.safetensors")
    if path.exists():
        discriminator = load_discriminator(path, device=device).requires_grad_(True)
        print(f"going on from {path}")
    _, labels = real_pictures(data, settings.generated)
    fake = generated_pictures(generator, labels)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=settings.learning_rate, betas=(0.0, 0.99))
    began, step, accuracy = time.monotonic(), 0, 0.5
    while time.monotonic() - began < 60 * settings.minutes:
        loss, correct = _step(discriminator, optimizer, data, fake, labels, step, settings)
        accuracy = 0.98 * accuracy + 0.02 * correct
        step += 1
        if step % 100 == 0:
            minutes = (time.monotonic() - began) / 60
            print(
                json.dumps({"minutes": round(minutes, 1), "step": step, "loss": loss, "accuracy": accuracy}), flush=True
            )
            save_discriminator(discriminator, path, half=True)
    save_discriminator(discriminator, path, half=True)
    print(f"discriminator: {path}")
    return path


def _step(
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    data: TrainingData,
    fake: dict[str, Tensor],
    fake_labels: Tensor,
    step: int,
    settings: DiscriminatorSettings,
) -> tuple[float, float]:
    """One update; gives the loss and the part of the pictures that were told right."""
    real, labels = real_pictures(data, settings.batch)
    chosen = torch.randint(len(fake_labels), (settings.batch,))
    penalise = step % settings.r1_every == 0
    if penalise:
        real = {key: image.requires_grad_(True) for key, image in real.items()}
    real_logits = discriminator(real, labels)
    fake_logits = discriminator({k: v[chosen].to(labels.device) for k, v in fake.items()}, fake_labels[chosen])
    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    if penalise:
        gradients = torch.autograd.grad(real_logits.sum(), list(real.values()), create_graph=True)
        penalty = sum(gradient.square().sum(dim=(1, 2, 3)).mean() for gradient in gradients)
        loss = loss + 0.5 * settings.r1_weight * settings.r1_every * penalty
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    right = ((real_logits > 0).float().mean() + (fake_logits < 0).float().mean()) / 2
    return float(loss.detach()), float(right)


def main() -> None:
    """Command line without further dependencies."""
    parser = argparse.ArgumentParser(description="Train the discriminator of the embedded generator.")
    parser.add_argument("--data", type=Path, required=True, help="packed heads (one .safetensors file)")
    parser.add_argument("--generator", type=Path, required=True, help="the trained generator (.safetensors)")
    parser.add_argument("--minutes", type=float, default=DiscriminatorSettings.minutes, help="time for the training")
    arguments = parser.parse_args()
    settings = DiscriminatorSettings(minutes=arguments.minutes)
    train_discriminator(arguments.data, arguments.generator, settings)


if __name__ == "__main__":
    main()
