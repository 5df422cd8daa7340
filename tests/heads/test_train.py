"""Training of the generator: stages, resuming, and what the finishing touches must not change."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.eg3d import Generator, GeneratorConfig
from gan3dinv_ns.heads.architecture import generator_config
from gan3dinv_ns.heads.embedding import AttributeEmbedding
from gan3dinv_ns.heads.finishing import fit_mapping, noisy_layers, normalize_maps, project_affines
from gan3dinv_ns.heads.objectives import random_place, supervised_losses, without_rim
from gan3dinv_ns.heads.train import GeneratorTraining, TrainSettings
from gan3dinv_ns.heads.training_data import TrainingData

SETTINGS = TrainSettings(minutes=100.0, heads_per_step=2, patch=16)


def _config() -> GeneratorConfig:
    return replace(generator_config(), plane_resolution=32, channel_base=256, channel_max=16)


def _training(data: TrainingData, folder: Path) -> GeneratorTraining:
    folder.mkdir(exist_ok=True)
    return GeneratorTraining(data, folder, SETTINGS, _config())


def test_stages_follow_each_other_in_time(data: TrainingData, tmp_path: Path) -> None:
    training = _training(data, tmp_path)
    stages = []
    for training.elapsed in (0.0, 0.5 * 6000, 0.7 * 6000):
        stages.append(training.stage)
    assert stages == ["coarse", "fine", "image"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7])
def test_every_stage_learns(data: TrainingData, tmp_path: Path, share: float) -> None:
    training = _training(data, tmp_path)
    training.elapsed = share * 60 * SETTINGS.minutes
    training.step = 100
    before = _loss_of_two_heads(training)
    for _ in range(40):
        training._train_step()
    assert _loss_of_two_heads(training) < 0.9 * before


@torch.no_grad()
def _loss_of_two_heads(training: GeneratorTraining) -> float:
    """The losses of the stage on the same views and samples every time."""
    torch.manual_seed(7)
    heads = torch.tensor([0, 1])
    ws = training.embedding.latents(training.data.attributes[heads])[:, None]
    views = training.data.views(heads, torch.zeros(2, 1, dtype=torch.long))
    ws = ws.expand(-1, training.generator.num_ws, -1)
    return float(sum(supervised_losses(training.generator, ws, views, training.stage, SETTINGS.patch).values()))


def test_the_finest_blocks_learn_only_after_the_coarse_stage(data: TrainingData, tmp_path: Path) -> None:
    training = _training(data, tmp_path)
    finest = training.generator.backbone.synthesis.get_submodule("b32.torgb").get_parameter("weight")
    training._train_step()
    assert float(finest.detach().abs().max()) == 0
    training.elapsed = 0.5 * 60 * SETTINGS.minutes
    training._train_step()
    assert float(finest.detach().abs().max()) > 0


def test_a_stopped_training_goes_on_where_it_was(data: TrainingData, tmp_path: Path) -> None:
    first = _training(data, tmp_path)
    first._train_step()
    first.elapsed, first.step = 12.0, 1
    first._save()
    second = _training(data, tmp_path)
    assert (second.elapsed, second.step) == (12.0, 1)
    for a, b in zip(first.generator.parameters(), second.generator.parameters(), strict=True):
        assert torch.equal(a, b)
    torch.manual_seed(3)
    first._train_step()
    torch.manual_seed(3)
    second._train_step()
    for a, b in zip(first.average.parameters(), second.average.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_heads_added_later_keep_the_latents_of_the_first(data: TrainingData, tmp_path: Path) -> None:
    first = _training(data, tmp_path)
    first._save()
    before = first.embedding.latents(data.attributes)
    more = copy.copy(data)
    more.attributes = 2 * data.attributes + 1
    assert torch.equal(_training(more, tmp_path).embedding.latents(data.attributes), before)


def test_several_files_are_one_data_set_with_the_same_validation_heads(data: TrainingData, packed_heads: Path) -> None:
    both = TrainingData([packed_heads, packed_heads], held_out=2, device=torch.device("cpu"))
    assert both.train_count == data.train_count + 6
    for mine, theirs in zip(both.validation_batch(2)[1].first(2).image, data.validation_batch(2)[1].image, strict=True):
        assert torch.equal(mine, theirs)


def test_patches_reach_the_sides_of_the_picture_and_leave_out_inner_rims() -> None:
    places = [random_place(32) for _ in range(200)]
    assert min(places) == 0 and max(places) == 32
    assert without_rim(0, 32, 32) == slice(0, 60)
    assert without_rim(32, 32, 32) == slice(4, 64)
    assert without_rim(7, 32, 32) == slice(4, 60)


def test_normalised_maps_give_the_same_planes() -> None:
    torch.manual_seed(0)
    generator = Generator(_config())
    for layer in noisy_layers(generator):
        layer.noise_const.mul_(3).add_(0.5)
        layer.noise_strength.data.fill_(0.4)
    ws = torch.randn(1, generator.num_ws, 512)
    before = generator.planes(ws)
    normalize_maps(generator)
    assert torch.allclose(generator.planes(ws), before, atol=1e-4)
    assert all(abs(float(layer.noise_const.std()) - 1) < 1e-4 for layer in noisy_layers(generator))


def test_projected_affines_answer_to_attributes_only() -> None:
    torch.manual_seed(0)
    generator = Generator(_config())
    embedding = AttributeEmbedding.fit(torch.randn(50, 7), [f"a{i}" for i in range(7)])
    known = embedding.latents(torch.randn(1, 7))
    unknown = torch.randn(1, 512)
    unknown -= unknown @ embedding.basis @ embedding.basis.T
    wide = (1, generator.num_ws, 512)
    before = generator.planes(known[:, None].expand(wide))
    project_affines(generator, embedding.basis)
    assert torch.allclose(generator.planes(known[:, None].expand(wide)), before, atol=1e-3)
    assert torch.allclose(generator.planes((known + unknown)[:, None].expand(wide)), before, atol=1e-3)


def test_the_mapping_network_learns_the_latents_of_attributes() -> None:
    torch.manual_seed(0)
    generator = Generator(_config())
    embedding = AttributeEmbedding.fit(torch.randn(200, 7), [f"a{i}" for i in range(7)])
    assert fit_mapping(generator, embedding, steps=150) < 0.3
    assert float(generator.backbone.mapping.w_avg.abs().max()) < 0.5


def test_before_training_the_super_resolution_is_plain_upsampling(data: TrainingData, tmp_path: Path) -> None:
    generator = _training(data, tmp_path).generator
    features = torch.rand(1, 32, 64, 64)
    image, _ = generator.superresolution(features[:, :3], features, torch.randn(1, generator.num_ws, 512), "none")
    upsampled = torch.nn.functional.interpolate(features[:, :3], scale_factor=2, mode="bilinear")
    assert torch.allclose(image[..., 4:-4, 4:-4], upsampled[..., 4:-4, 4:-4], atol=1e-5)
