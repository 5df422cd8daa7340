"""Training of generator and discriminator against each other, after the regression."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.eg3d import Generator, load_discriminator, load_generator, save_generator
from gan3dinv_ns.heads.architecture import generator_config
from gan3dinv_ns.heads.embedding import AttributeEmbedding, save_embedding
from gan3dinv_ns.heads.picture_store import PictureStore
from gan3dinv_ns.heads.train_adversarial import (
    AdversarialSettings,
    AdversarialTraining,
    density_variation,
    gradient_penalty,
)
from gan3dinv_ns.heads.training_data import TrainingData

SETTINGS = AdversarialSettings(minutes=100.0, stored=4, heads_per_step=2, pictures_per_step=4, patch=16)


@pytest.fixture(scope="module")
def regression(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regression")
    torch.manual_seed(0)
    config = replace(generator_config(), plane_resolution=32, channel_base=256, channel_max=16)
    save_generator(Generator(config), folder / "generator.safetensors")
    save_embedding(AttributeEmbedding.fit(data.attributes, data.names), folder / "generator.embedding.safetensors")
    return folder


def _training(data: TrainingData, regression: Path, folder: Path, **changes: float) -> AdversarialTraining:
    folder.mkdir(exist_ok=True)
    training = AdversarialTraining(data, regression, folder, replace(SETTINGS, **changes))  # type: ignore[arg-type]
    training._fill_store()
    return training


def test_the_discriminator_begins_alone_and_then_both_learn(
    data: TrainingData, regression: Path, tmp_path: Path
) -> None:
    training = _training(data, regression, tmp_path)
    weight = training.generator.superresolution.get_parameter("block1.conv1.weight")
    judged = training.discriminator.get_parameter("b4.out.weight")
    before, judged_before = weight.detach().clone(), judged.detach().clone()
    assert "adversarial" not in training._train_step()
    assert torch.equal(weight, before) and not torch.equal(judged, judged_before)
    training.elapsed = 0.5 * 60 * SETTINGS.minutes
    assert {"adversarial", "density", "image"} <= set(training._train_step())
    assert not torch.equal(weight, before)


def test_a_discriminator_wanted_alone_leaves_the_generator_as_it_was(
    data: TrainingData, regression: Path, tmp_path: Path
) -> None:
    path = _training(data, regression, tmp_path, minutes=0.0001, alone_share=1.0).run()
    first, second = load_generator(regression / "generator.safetensors"), load_generator(path)
    for name, value in first.named_parameters():
        assert torch.allclose(
            second.get_parameter(name), value, atol=2e-3 * float(value.detach().abs().max()) + 1e-3
        ), name
    assert load_discriminator(path.with_suffix(".discriminator.safetensors")).img_resolution == 128


def test_a_stopped_training_goes_on_where_it_was(data: TrainingData, regression: Path, tmp_path: Path) -> None:
    first = _training(data, regression, tmp_path)
    first._train_step()
    first.elapsed, first.step = 4000.0, 1
    first._save()
    second = AdversarialTraining(data, regression, tmp_path, SETTINGS)
    assert (second.elapsed, second.step, len(second.store)) == (4000.0, 1, 4)
    torch.manual_seed(3)
    expected = first._train_step()
    torch.manual_seed(3)
    assert second._train_step() == pytest.approx(expected, rel=1e-4)


def test_the_penalty_is_the_squared_length_of_the_gradient() -> None:
    image = torch.randn(3, 3, 4, 4, requires_grad=True)
    slope = torch.randn(3, 4, 4)
    logits = (image * slope).sum(dim=(1, 2, 3))
    assert float(gradient_penalty(logits, {"image": image})) == pytest.approx(float(slope.square().sum()), rel=1e-5)


def test_a_constant_field_has_no_density_variation(regression: Path) -> None:
    generator = load_generator(regression / "generator.safetensors")
    ws = torch.randn(1, generator.num_ws, 512)
    rounding = float(density_variation(generator, ws, step=0.0).detach())
    assert rounding < 1e-8
    assert float(density_variation(generator, ws).detach()) > 100 * rounding


def test_the_store_keeps_pictures_with_their_cameras_and_takes_in_new_ones() -> None:
    store = PictureStore()
    pictures = {"image": torch.full((4, 3, 8, 8), 0.5), "image_raw": torch.full((4, 3, 4, 4), -0.5)}
    store.add(pictures, torch.full((4, 25), 7.0))
    drawn, label = store.draw(6, torch.device("cpu"))
    assert drawn["image"].shape == (6, 3, 8, 8) and torch.allclose(drawn["image"], torch.tensor(0.5), atol=0.005)
    assert torch.equal(label, torch.full((6, 25), 7.0))
    store.mix_in({key: -value[:2] for key, value in pictures.items()}, torch.zeros(2, 25))
    kept = PictureStore(store.state()).state()
    assert len(store) == 4 and sorted(kept["label"][:, 0].tolist()) == [0, 0, 7, 7]
    assert torch.equal(kept["image"][:, 0, 0, 0] < 127, kept["label"][:, 0] == 0), "a picture stays with its camera"
