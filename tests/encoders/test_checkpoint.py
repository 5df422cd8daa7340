"""Latent encoder and pose estimator in their files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gan3dinv_ns.encoders import (
    LatentEncoder,
    LatentEncoderConfig,
    PoseEstimator,
    PoseEstimatorConfig,
    find_initialisers,
    load_encoder,
    load_estimator,
    save_encoder,
    save_estimator,
)

ENCODER = LatentEncoderConfig(side=32, w_dim=24, channels=(4, 8, 8, 8))
ESTIMATOR = PoseEstimatorConfig(side=32, channels=(4, 4, 8, 8), rotation="sixd")


@pytest.fixture
def encoder() -> LatentEncoder:
    torch.manual_seed(0)
    encoder = LatentEncoder(ENCODER)
    encoder(torch.rand(4, 3, 32, 32))
    return encoder.eval()


def test_they_are_found_beside_their_generator(encoder: LatentEncoder, tmp_path: Path) -> None:
    estimator = PoseEstimator(ESTIMATOR).eval()
    generator, photo = tmp_path / "mine.safetensors", torch.rand(1, 3, 32, 32)
    assert find_initialisers(generator) is None
    save_encoder(encoder, tmp_path / "mine.encoder.safetensors")
    found = find_initialisers(generator)
    assert found is not None and found.estimator is None and found.estimator_with_roll is None
    save_estimator(estimator, tmp_path / "mine.pose.safetensors")
    save_estimator(estimator, tmp_path / "mine.pose-roll.safetensors")
    found = find_initialisers(tmp_path / "mine.pkl")
    assert found is not None and found.encoder and found.estimator and found.estimator_with_roll
    assert not found.training and found.encoder.config == ENCODER and found.estimator.config == ESTIMATOR
    torch.testing.assert_close(found.encoder(photo), encoder(photo), atol=5e-3, rtol=1e-2)
    for one in (found.estimator, found.estimator_with_roll):
        torch.testing.assert_close(one(photo).rotation, estimator(photo).rotation, atol=5e-3, rtol=1e-2)


def test_a_file_keeps_every_weight_to_half_a_step_in_a_quarter_of_the_space(tmp_path: Path) -> None:
    encoder, path = LatentEncoder(LatentEncoderConfig()), tmp_path / "e.safetensors"
    save_encoder(encoder, path)
    for (name, ours), theirs in zip(encoder.named_parameters(), load_encoder(path).parameters(), strict=True):
        step = ours.detach().flatten(1).abs().amax(dim=1) / 127 if ours.ndim > 1 else torch.zeros(1)
        off = (ours.detach() - theirs).flatten(1).abs().amax(dim=1) if ours.ndim > 1 else (ours.detach() - theirs).abs()
        assert bool((off <= 0.501 * step).all()), name
    assert path.stat().st_size < 0.27 * 4 * sum(parameter.numel() for parameter in encoder.parameters())


def test_a_weight_with_the_steps_of_another_is_one_clear_line(encoder: LatentEncoder, tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    save_encoder(encoder, path)
    with safe_open(path, framework="pt") as file:
        metadata, state = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    name = next(key for key in state if key.endswith(".step"))
    state[name] = state[name][:-1].clone()
    save_file(state, path, metadata=metadata)
    with pytest.raises(ValueError, match=r"e\.safetensors: .* numbers, but .* steps"):
        load_encoder(path)


def test_a_damaged_or_foreign_file_is_one_clear_line(encoder: LatentEncoder, tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    with pytest.raises(ValueError, match=r"e\.safetensors: no such file"):
        load_encoder(path)
    path.write_bytes(b"not a file")
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load_encoder(path)
    save_encoder(encoder, path)
    with pytest.raises(ValueError, match="holds encoder, not pose"):
        load_estimator(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load_encoder(path)
