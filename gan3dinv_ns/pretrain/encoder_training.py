"""Training of the latent encoder E (Ko et al., supplementary material, A.2, equations 1, 2, 5).

    L = l_latent |w - w'|^2 + l_perceptual d(x, G(w', p)) + l_adversarial softplus(-D(G(w', p))) + l_delta |w' - mean|^2

with x the picture, w and p its latent and camera, and w' the estimate. The paper has no first term: of photos no latent
is known, but of pairs it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.eg3d import Discriminator, Generator, load_discriminator, load_generator
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders import LatentEncoder, LatentEncoderConfig, load_encoder, save_encoder
from gan3dinv_ns.encoders.checkpoint import ENCODER
from gan3dinv_ns.encoders.pairs import Pairs, load_pairs, read_about
from gan3dinv_ns.encoders.residual import shrink_photo
from gan3dinv_ns.losses.perceptual import PerceptualName, build_perceptual
from gan3dinv_ns.pretrain.processes import Processes, join_processes
from gan3dinv_ns.pretrain.training import Training, TrainingSettings


@dataclass(frozen=True)
class EncoderTrainingSettings:
    """How E is trained.

    Raises:
        ValueError: all weights are 0, or one is negative.
    """

    training: TrainingSettings = field(default_factory=TrainingSettings)
    """The loop."""
    network: LatentEncoderConfig = field(default_factory=LatentEncoderConfig)
    """Sizes, but for the latent's length, which is the generator's; those of ``start`` if that is given."""
    latent_weight: float = 1.0
    """Weight of the mean square difference of the latents."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual distance of the rendered latent from the picture; it needs a rendering in each step."""
    adversarial_weight: float = 0.0
    """Weight of the non-saturating loss against the generator's discriminator; it needs a rendering too."""
    delta_weight: float = 0.0
    """Weight of the squared norm of the latent's difference from the mean."""
    perceptual: PerceptualName = "discriminator"
    """Perceptual distance: the generator's own discriminator or LPIPS with one of three backbones."""
    generator: str | None = None
    """What the latents belong to (a registered name or a file); None takes what the pairs were made from."""
    start: Path | None = None
    """A trained encoder to go on from; None starts from nothing."""

    def __post_init__(self) -> None:
        weights = {name: getattr(self, f"{name}_weight") for name in ("latent", "perceptual", "adversarial", "delta")}
        for name, weight in weights.items():
            if weight < 0:
                raise ValueError(f"{name}_weight {weight} is negative; give 0 to leave it out")
        if not (self.latent_weight or self.perceptual_weight):
            raise ValueError("latent_weight and perceptual_weight are both 0; give one of them")

    @property
    def renders(self) -> bool:
        """Whether a loss needs renderings."""
        return self.perceptual_weight > 0 or self.adversarial_weight > 0

    @property
    def discriminates(self) -> bool:
        """Whether a loss needs the generator's discriminator."""
        return self.adversarial_weight > 0 or (self.perceptual_weight > 0 and self.perceptual == "discriminator")


class EncoderTraining(Training[LatentEncoder]):
    """One run of E's training.

    Args:
        pairs: pictures, latents and cameras.
        generator: whose latents they are.
        discriminator: the generator's own; for the losses that need it.
        folder: where state and figures go.
        output: where E is written.
        settings: all choices.
        processes: this process among all.

    Raises:
        ValueError: the latents are of another length than the generator's.
    """

    def __init__(
        self, pairs: Pairs, generator: Generator, discriminator: Discriminator | None, folder: Path, output: Path,
        settings: EncoderTrainingSettings, processes: Processes,
    ) -> None:  # fmt: skip
        network = first_encoder(settings, generator)
        lengths = {"the pairs": pairs.w.shape[1], "the generator": generator.w_dim, "the encoder": network.config.w_dim}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{length} for {what}" for what, length in lengths.items())
            raise ValueError(f"latents must have the same length everywhere, but have {told}")
        self.choices, self.output, self.generator = settings, output, generator.requires_grad_(False)
        self.discriminator = discriminator
        self.perceptual = (
            build_perceptual(settings.perceptual, discriminator, processes.device)
            if settings.perceptual_weight > 0
            else None
        )
        super().__init__(network.to(processes.device), pairs, folder, ENCODER, settings.training, processes)

    def losses(self, pairs: Pairs) -> dict[str, Tensor]:
        choices, w = self.choices, self.model(pairs.photo)
        losses = {}
        if choices.latent_weight > 0:
            losses["latent"] = choices.latent_weight * F.mse_loss(w, pairs.w)
        if choices.delta_weight > 0:
            delta = w - self.network.mean
            losses["delta"] = choices.delta_weight * delta.square().sum(dim=1).mean()
        if choices.renders:
            losses.update(self._rendered_losses(w, pairs))
        return losses

    def _rendered_losses(self, w: Tensor, pairs: Pairs) -> dict[str, Tensor]:
        choices, losses = self.choices, dict[str, Tensor]()
        ws = w[:, None].expand(-1, self.generator.num_ws, -1)
        rendered = self.generator.synthesis(ws, pairs.label, sampling="midpoint")
        if self.perceptual is not None:
            # Pairs keep their pictures as large as the encoder sees them, so renderings are compared at that size.
            small = shrink_photo(rendered["image"], pairs.photo.shape[-1])
            sides = {name: rendered[name].shape[-1] for name in ("image", "image_raw")}
            seen, true = (
                {name: F.interpolate(picture, (side, side), mode="bilinear") for name, side in sides.items()}
                for picture in (small, pairs.photo)
            )
            losses["perceptual"] = choices.perceptual_weight * self.perceptual(seen, true)
        if choices.adversarial_weight > 0:
            assert self.discriminator is not None
            losses["adversarial"] = (
                choices.adversarial_weight * F.softplus(-self.discriminator(rendered, pairs.label)).mean()
            )
        return losses

    def validate(self, pairs: Pairs) -> dict[str, float]:
        """Mean square error of the latents, as a share of their variance."""
        error = F.mse_loss(self.network(pairs.photo), pairs.w)
        return {"latent_unexplained": float(error / pairs.w.var(dim=0).mean())}

    def write(self) -> Path:
        save_encoder(self.network, self.output)
        return self.output


def first_encoder(settings: EncoderTrainingSettings, generator: Generator) -> LatentEncoder:
    """The network that a training begins with; what is drawn depends on the seed only."""
    if settings.start is not None:
        return load_encoder(settings.start).requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.training.seed)
        encoder = LatentEncoder(replace(settings.network, w_dim=generator.w_dim))
    encoder.mean.copy_(generator.backbone.mapping.w_avg)
    return encoder


def train_latent_encoder(folder: Path, output_dir: Path, settings: EncoderTrainingSettings) -> Path:
    """Train E on a folder of pairs: the path of its file, NAME.encoder.safetensors, with NAME that of the generator.

    Raises:
        ValueError: there are no pairs, they are damaged or belong to another generator, a network that a loss needs
            is missing, or the state of another training is in the way.
    """
    source = settings.generator or read_about(folder)["generator"]
    side = (settings.network if settings.start is None else load_encoder(settings.start).config).side
    with join_processes() as processes:
        generator = load_generator(source, processes.device)
        discriminator = _discriminator(source, processes.device) if settings.discriminates else None
        pairs = load_pairs(folder, side)
        output = output_dir / network_file(source, ENCODER).name
        return EncoderTraining(pairs, generator, discriminator, output_dir, output, settings, processes).run()


def _discriminator(source: str, device: torch.device) -> Discriminator:
    try:
        return load_discriminator(network_file(source, "discriminator"), device)
    except ValueError as error:
        raise ValueError(f"the generator's discriminator is needed for these losses: {error}") from error
