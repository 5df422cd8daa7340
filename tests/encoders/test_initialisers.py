"""Latent encoder, pose estimator, and the file that holds both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gan3dinv_ns.encoders import (
    InitialiserConfig,
    build_initialisers,
    find_initialisers,
    load_initialisers,
    save_initialisers,
)

SMALL = InitialiserConfig(w_dim=32, side=32, latent_channels=(4, 8, 8, 8), pose_channels=(4, 4, 8, 8))


def test_any_photo_becomes_one_latent_and_two_angles() -> None:
    networks = build_initialisers(SMALL).eval()
    photo = torch.rand(2, 3, 96, 96) * 2 - 1
    assert networks.encoder(photo).shape == (2, 32) and networks.estimator(photo).shape == (2, 2)


def test_the_encoder_gives_the_mean_plus_a_difference() -> None:
    networks = build_initialisers(SMALL).eval()
    photo = torch.rand(1, 3, 32, 32)
    before = networks.encoder(photo)
    networks.encoder.mean.add_(3.0)
    torch.testing.assert_close(networks.encoder(photo), before + 3.0)


def test_a_photo_and_the_same_photo_enlarged_are_read_alike() -> None:
    networks = build_initialisers(SMALL).eval()
    photo = torch.rand(1, 3, 32, 32)
    enlarged = photo.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(networks.estimator(enlarged), networks.estimator(photo), atol=1e-5, rtol=1e-4)


def test_both_come_back_from_their_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    networks = build_initialisers(SMALL)
    networks.encoder(torch.rand(4, 3, 32, 32))
    save_initialisers(networks, tmp_path / "generator.initialisers.safetensors")
    found = find_initialisers(tmp_path / "generator.safetensors")
    assert found is not None and found.config == SMALL and not found.training
    photo = torch.rand(1, 3, 32, 32)
    networks.eval()
    torch.testing.assert_close(found.encoder(photo), networks.encoder(photo), atol=5e-3, rtol=1e-2)
    torch.testing.assert_close(found.estimator(photo), networks.estimator(photo), atol=5e-3, rtol=1e-2)


def test_a_file_keeps_every_weight_to_half_a_step_in_a_quarter_of_the_space(tmp_path: Path) -> None:
    networks, path = build_initialisers(), tmp_path / "generator.initialisers.safetensors"
    save_initialisers(networks, path)
    found = load_initialisers(path)
    for (name, ours), theirs in zip(networks.named_parameters(), found.parameters(), strict=True):
        step = ours.detach().flatten(1).abs().amax(dim=1) / 127 if ours.ndim > 1 else torch.zeros(1)
        off = (ours.detach() - theirs).flatten(1).abs().amax(dim=1) if ours.ndim > 1 else (ours.detach() - theirs).abs()
        assert bool((off <= 0.501 * step).all()), name
    assert path.stat().st_size < 0.27 * 4 * sum(parameter.numel() for parameter in networks.parameters())


def test_a_weight_with_the_steps_of_another_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "x.initialisers.safetensors"
    save_initialisers(build_initialisers(SMALL), path)
    with safe_open(path, framework="pt") as file:
        metadata, state = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    name = next(key for key in state if key.endswith(".step"))
    state[name] = state[name][:-1].clone()
    save_file(state, path, metadata=metadata)
    with pytest.raises(ValueError, match=r"x\.initialisers\.safetensors: .* numbers, but .* steps"):
        load_initialisers(path)


def test_a_generator_may_come_without_initialisers(tmp_path: Path) -> None:
    assert find_initialisers(tmp_path / "other.safetensors") is None


def test_a_damaged_or_foreign_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "x.initialisers.safetensors"
    with pytest.raises(ValueError, match="no such file"):
        load_initialisers(path)
    path.write_bytes(b"not a file")
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load_initialisers(path)
    save_initialisers(build_initialisers(SMALL), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        load_initialisers(path)


@pytest.mark.parametrize("values", [{"side": 30}, {"latent_channels": [1, 2]}, {"depth": 3}])
def test_bad_sizes_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        InitialiserConfig.from_dict(values)
