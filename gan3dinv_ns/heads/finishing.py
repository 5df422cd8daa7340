"""Last touches on a trained generator: clean affine layers and noise maps, and a mapping network for its latents."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.synthesis import SynthesisLayer, ToRGBLayer
from gan3dinv_ns.heads.embedding import AttributeEmbedding


def noisy_layers(generator: Generator) -> list[SynthesisLayer]:
    """The backbone's layers that add a noise map."""
    return [layer for layer in generator.backbone.synthesis.modules() if isinstance(layer, SynthesisLayer)]


@torch.no_grad()
def normalize_maps(generator: Generator) -> None:
    """Give the learned maps zero mean and unit variance, as noise has; strength and bias take up the difference."""
    for layer in noisy_layers(generator):
        mean, deviation = layer.noise_const.mean(), layer.noise_const.std().clamp_min(1e-6)
        layer.bias.add_(layer.noise_strength * mean)
        layer.noise_const.sub_(mean).div_(deviation)
        layer.noise_strength.mul_(deviation)


@torch.no_grad()
def project_affines(generator: Generator, basis: Tensor) -> None:
    """Take out of every affine layer what answers to directions of w that carry no attribute.

    On the latents of the embedding nothing changes; elsewhere the untrained directions no longer disturb.
    """
    for module in generator.modules():
        if isinstance(module, SynthesisLayer | ToRGBLayer):
            module.affine.weight.copy_(module.affine.weight @ basis @ basis.T)


def fit_mapping(generator: Generator, embedding: AttributeEmbedding, steps: int = 3000, batch: int = 256) -> float:
    """Fit the mapping network to the embedding's latents and set its mean latent; gives the mean squared error."""
    network = generator.backbone.mapping.requires_grad_(True)
    device = network.w_avg.device
    embedding = replace(
        embedding,
        **{k: getattr(embedding, k).to(device) for k in ("mean", "std", "low", "high", "basis", "directions")},
    )
    # The layers' learning-rate factor of 0.01 shrinks every step, so the rate has to be large.
    optimizer = torch.optim.Adam(network.parameters(), lr=3.0, betas=(0.9, 0.99))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3.0, total_steps=steps)
    labels = torch.zeros(batch, generator.c_dim, device=device)
    error = torch.zeros(())
    for _ in range(steps):
        z = torch.randn(batch, generator.z_dim, device=device)
        error = F.mse_loss(generator.mapping(z, labels)[:, 0], embedding.mapping_target(z))
        optimizer.zero_grad(set_to_none=True)
        error.backward()
        optimizer.step()
        scheduler.step()
    network.requires_grad_(False)
    with torch.no_grad():
        z = torch.randn(10000, generator.z_dim, device=device)
        network.w_avg.copy_(network(z, labels[:1].expand(len(z), -1))[:, 0].mean(dim=0))
    return float(error.detach())
