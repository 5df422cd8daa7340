"""Training of latent encoder and pose estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch
from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.encoders import find_initialisers, load_initialisers
from gan3dinv_ns.heads.embedding import AttributeEmbedding, save_embedding
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.heads.train_initialisers import InitialiserSettings, InitialiserTraining
from gan3dinv_ns.heads.training_data import TrainingData

SETTINGS = InitialiserSettings(minutes=100.0, batch=4)


@pytest.fixture(scope="module")
def embedding(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("regression") / "generator.embedding.safetensors"
    save_embedding(AttributeEmbedding.fit(data.attributes, data.names), path)
    return path


def test_photos_come_with_the_latent_of_their_head_and_the_angles_of_their_camera(
    data: TrainingData, embedding: Path, tmp_path: Path
) -> None:
    training = InitialiserTraining(data, embedding, tmp_path, SETTINGS)
    heads, views = torch.tensor([2, 0]), torch.tensor([[1], [0]])
    photo, w, angles = training._photos(heads, views)
    seen = data.views(heads, views)
    assert photo.shape == (2, 3, 64, 64)
    torch.testing.assert_close(photo, 2 * F.avg_pool2d(seen.image[:, 0], 2) - 1)
    torch.testing.assert_close(w, training.embedding.latents(data.attributes[heads]))
    forward = seen.label[:, 0, :16].reshape(2, 4, 4)[:, :3, 2]
    torch.testing.assert_close(angles, torch.stack(yaw_pitch(-forward), dim=1))


def test_both_learn(data: TrainingData, embedding: Path, tmp_path: Path) -> None:
    training = InitialiserTraining(data, embedding, tmp_path, SETTINGS)
    photo, w, angles = training._photos(torch.arange(4), torch.zeros(4, 1, dtype=torch.long))

    @torch.no_grad()
    def errors() -> tuple[float, float]:
        networks = training.networks
        return float(F.mse_loss(networks.encoder(photo), w)), float(F.mse_loss(networks.estimator(photo), angles))

    before = errors()
    for _ in range(80):
        training._train_step()
    after = errors()
    assert after[0] < 0.5 * before[0] and after[1] < 0.5 * before[1]


def test_a_stopped_training_goes_on_and_ends_in_a_file(data: TrainingData, embedding: Path, tmp_path: Path) -> None:
    first = InitialiserTraining(data, embedding, tmp_path, SETTINGS)
    first._train_step()
    first.elapsed, first.step = 60.0, 1
    first._save()
    second = InitialiserTraining(data, embedding, tmp_path, replace(SETTINGS, minutes=1.0))
    assert (second.elapsed, second.step) == (60.0, 1)
    networks = load_initialisers(second.run())
    photo = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(networks.estimator(photo), second.networks.eval().estimator(photo), atol=0.02, rtol=0.02)


def test_a_training_may_go_on_from_networks_beside_a_generator(
    data: TrainingData, embedding: Path, tmp_path: Path
) -> None:
    training = InitialiserTraining(data, embedding, tmp_path, replace(SETTINGS, start="makehuman128-64"))
    shipped = find_initialisers("makehuman128-64")
    assert shipped is not None
    for ours, theirs in zip(training.networks.parameters(), shipped.parameters(), strict=True):
        assert ours.requires_grad and torch.equal(ours, theirs)
    with pytest.raises(ValueError, match=r"--start .*nothing\.safetensors"):
        InitialiserTraining(data, embedding, tmp_path, replace(SETTINGS, start=tmp_path / "nothing.safetensors"))


@pytest.fixture(scope="module")
def unseen() -> tuple[Tensor, Tensor]:
    """Photos [6, 3, 128, 128] of heads that nothing was trained on, and their cameras [6, 25]."""
    template = load_template()
    heads = [photograph(template, "heads", seed, 128) for seed in range(900_100, 900_106)]
    return torch.cat([head.photo for head in heads]), torch.cat([head.label for head in heads])


def test_the_shipped_estimator_tells_the_cameras_of_unseen_heads(unseen: tuple[Tensor, Tensor]) -> None:
    photos, labels = unseen
    networks = find_initialisers("makehuman128-64")
    assert networks is not None
    yaw, pitch = networks.estimator(photos).unbind(1)
    forward = orbit(yaw, pitch)[:, :3, 2]
    true_forward = labels[:, :16].reshape(-1, 4, 4)[:, :3, 2]
    off = (forward * true_forward).sum(dim=1).clamp(-1, 1).acos().rad2deg()
    assert float(off.median()) < 3 and float(off.max()) < 8


@torch.no_grad()
def test_the_shipped_encoder_begins_nearer_to_unseen_heads_than_the_mean(unseen: tuple[Tensor, Tensor]) -> None:
    photos, labels = unseen
    generator, networks = load_generator("makehuman128-64"), find_initialisers("makehuman128-64")
    assert networks is not None

    def error(w: Tensor) -> float:
        ws = w[:, None].expand(-1, generator.num_ws, -1)
        return float(F.mse_loss(generator.synthesis(ws, labels, sampling="midpoint")["image"], photos))

    guessed = error(networks.encoder(photos))
    assert guessed < 0.4 * error(generator.backbone.mapping.w_avg.expand(len(photos), -1))
