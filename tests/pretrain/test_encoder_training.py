"""Training of the latent encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from gan3dinv_ns.eg3d import Generator, load_discriminator, load_generator, save_generator
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders import LatentEncoderConfig, find_initialisers, load_encoder
from gan3dinv_ns.encoders.pairs import Pairs
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.pretrain.encoder_training import EncoderTraining, EncoderTrainingSettings, train_latent_encoder
from gan3dinv_ns.pretrain.processes import Processes
from gan3dinv_ns.pretrain.pseudo_pairs import PseudoPairSettings, draw_pair
from gan3dinv_ns.pretrain.training import TrainingSettings

ALONE = Processes(0, 1, torch.device("cpu"))
SETTINGS = EncoderTrainingSettings(
    TrainingSettings(steps=60, batch=16, save_steps=30), LatentEncoderConfig(side=32, channels=(4, 8, 8, 8))
)
PAPER = replace(SETTINGS, latent_weight=0.0, perceptual_weight=0.8, adversarial_weight=0.1, delta_weight=2e-4)


@pytest.fixture(scope="module")
def generator(tiny_generator_file: Path) -> Generator:
    return load_generator(tiny_generator_file)


def make(pairs: Pairs, generator: Generator, folder: Path, settings: EncoderTrainingSettings) -> EncoderTraining:
    source = settings.generator
    discriminator = None if source is None else load_discriminator(network_file(source, "discriminator"))
    return EncoderTraining(pairs, generator, discriminator, folder, folder / "x.encoder.safetensors", settings, ALONE)


def test_it_learns_the_latents_of_pictures(pairs: Pairs, generator: Generator, tmp_path: Path) -> None:
    training = make(pairs, generator, tmp_path, SETTINGS)
    before = training._validated()["latent_unexplained"]
    encoder = load_encoder(training.run())
    held_out = pairs.take(slice(training.training_count, None))
    error = float(F.mse_loss(encoder(held_out.photo), held_out.w) / held_out.w.var(dim=0).mean())
    assert error < 0.5 * before
    assert torch.equal(encoder.mean, generator.backbone.mapping.w_avg)


def test_the_papers_losses_reach_the_encoder_and_leave_the_generator_alone(
    pairs: Pairs, generator: Generator, tiny_generator_file: Path, tmp_path: Path
) -> None:
    training = make(pairs, generator, tmp_path, replace(PAPER, generator=str(tiny_generator_file)))
    batch = pairs.take(torch.arange(4))
    torch.manual_seed(0)
    losses = training.losses(batch)
    assert set(losses) == {"perceptual", "adversarial", "delta"}
    delta = training.network.delta(batch.photo)
    assert float(losses["delta"]) == pytest.approx(2e-4 * float(delta.square().sum(dim=1).mean()), rel=1e-4)
    for name, loss in losses.items():
        gradients = torch.autograd.grad(loss, list(training.network.parameters()), retain_graph=True)
        assert any(float(one.abs().max()) > 0 for one in gradients), name
    assert not any(weight.requires_grad for weight in generator.parameters())


@torch.no_grad()
def test_a_picture_of_its_own_latent_has_a_smaller_perceptual_loss(tmp_path: Path) -> None:
    shipped = load_generator("makehuman128-64")
    drawn = [draw_pair(shipped, PseudoPairSettings(), number) for number in range(3)]
    photo, w, label = (torch.cat(parts * 4) for parts in zip(*drawn, strict=True))
    settings = replace(PAPER, generator="makehuman128-64", network=replace(PAPER.network, side=64))
    pixels = ((F.avg_pool2d(photo, 2) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    training = make(Pairs(pixels, w, label), shipped, tmp_path, settings)
    batch = training.pairs.take(torch.arange(3))
    own = training._rendered_losses(batch.w, batch)["perceptual"]
    other = training._rendered_losses(batch.w.roll(1, 0), batch)["perceptual"]
    assert float(own) < 0.1 * float(other)


def test_the_encoder_of_pairs_on_disk_lies_under_its_generators_name(pairs_folder: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, training=TrainingSettings(steps=1, batch=2, save_steps=1))
    path = train_latent_encoder(pairs_folder, tmp_path, settings)
    assert path == tmp_path / "tiny.encoder.safetensors" and load_encoder(path).config == SETTINGS.network
    further = train_latent_encoder(pairs_folder, tmp_path / "further", replace(settings, start=path))
    assert load_encoder(further).config == SETTINGS.network


def test_a_generator_without_discriminator_is_one_clear_line(
    pairs_folder: Path, generator: Generator, tmp_path: Path
) -> None:
    save_generator(generator, tmp_path / "bare.safetensors")
    settings = replace(PAPER, generator=str(tmp_path / "bare.safetensors"))
    with pytest.raises(ValueError, match=r"discriminator is needed for these losses: .*bare\.discriminator"):
        train_latent_encoder(pairs_folder, tmp_path, settings)


def test_latents_of_another_length_are_one_clear_line(pairs: Pairs, generator: Generator, tmp_path: Path) -> None:
    short = Pairs(pairs.photo, pairs.w[:, :300], pairs.label)
    with pytest.raises(ValueError, match="300 for the pairs, 512 for the generator, 512 for the encoder"):
        make(short, generator, tmp_path, SETTINGS)


@pytest.mark.parametrize("bad", [{"latent_weight": 0.0}, {"delta_weight": -1.0}])
def test_weights_that_teach_nothing_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        replace(SETTINGS, **bad)  # type: ignore[arg-type]


@torch.no_grad()
def test_the_shipped_encoder_begins_nearer_to_unseen_heads_than_the_mean() -> None:
    template = load_template()
    heads = [photograph(template, "heads", seed, 128) for seed in range(900_100, 900_106)]
    photos, labels = torch.cat([head.photo for head in heads]), torch.cat([head.label for head in heads])
    generator, networks = load_generator("makehuman128-64"), find_initialisers("makehuman128-64")
    assert networks is not None and networks.encoder is not None

    def error(w: torch.Tensor) -> float:
        ws = w[:, None].expand(-1, generator.num_ws, -1)
        return float(F.mse_loss(generator.synthesis(ws, labels, sampling="midpoint")["image"], photos))

    guessed = error(networks.encoder(photos))
    assert guessed < 0.4 * error(generator.backbone.mapping.w_avg.expand(len(photos), -1))
