"""Pairs that a generator draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import roll_of, yaw_pitch
from gan3dinv_ns.eg3d import Generator, load_generator
from gan3dinv_ns.encoders.pairs import load_pairs, shard_file
from gan3dinv_ns.pretrain.pseudo_pairs import PseudoPairSettings, draw_pair, render_pairs

SETTINGS = PseudoPairSettings(count=5, shard=2, roll=0.3)


@pytest.fixture(scope="module")
def generator(tiny_generator_file: Path) -> Generator:
    return load_generator(tiny_generator_file)


@torch.no_grad()
def test_a_pair_is_its_latent_seen_from_its_camera(generator: Generator) -> None:
    photo, w, label = draw_pair(generator, SETTINGS, 3)
    again = generator.synthesis(w[:, None].expand(-1, generator.num_ws, -1), label, sampling="midpoint")["image"]
    torch.testing.assert_close(photo, again)
    camera = split_label(label)[0]
    yaw, pitch = yaw_pitch(camera[:, :3, 3])
    assert abs(float(yaw)) <= 0.6 and abs(float(pitch)) <= 0.3 and 0 < abs(float(roll_of(camera[:, :3, :3]))) <= 0.3


@torch.no_grad()
def test_every_pair_has_its_own_latent_and_camera_within_the_bounds(generator: Generator) -> None:
    drawn = [draw_pair(generator, SETTINGS, number) for number in range(8)]
    w, label = torch.cat([one[1] for one in drawn]), torch.cat([one[2] for one in drawn])
    assert len(w.unique(dim=0)) == len(label.unique(dim=0)) == 8
    assert torch.equal(draw_pair(generator, SETTINGS, 5)[1], w[5:6]), "a number always gives the same"


def test_a_stopped_rendering_goes_on_where_it_was(generator: Generator, tmp_path: Path) -> None:
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if done == 4 and len(seen) < 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_pairs(generator, "tiny", tmp_path, SETTINGS, stop)
    assert shard_file(tmp_path, 0).is_file() and not shard_file(tmp_path, 1).is_file()
    first = shard_file(tmp_path, 0).stat().st_mtime_ns
    seen.clear()
    render_pairs(generator, "tiny", tmp_path, SETTINGS, lambda done, total: seen.append(done))
    assert shard_file(tmp_path, 0).stat().st_mtime_ns == first and seen[-1] == 5
    pairs = load_pairs(tmp_path, generator.img_resolution)
    whole = render_pairs(generator, "tiny", tmp_path / "whole", SETTINGS)
    assert torch.equal(pairs.photo, load_pairs(whole, generator.img_resolution).photo) and len(pairs) == 5


def test_a_folder_grows_to_a_greater_count_and_refuses_other_choices(generator: Generator, tmp_path: Path) -> None:
    render_pairs(generator, "tiny", tmp_path, PseudoPairSettings(count=3, shard=2))
    render_pairs(generator, "tiny", tmp_path, PseudoPairSettings(count=4, shard=2))
    assert len(load_pairs(tmp_path, 16)) == 4
    with pytest.raises(ValueError, match=r"holds pairs of roll 0\.0, not 0\.3"):
        render_pairs(generator, "tiny", tmp_path, PseudoPairSettings(count=4, shard=2, roll=0.3))


@pytest.mark.parametrize("bad", [{"count": 0}, {"roll": -0.1}, {"yaw_range": 2.0}, {"focal": 0.0}])
def test_choices_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        PseudoPairSettings(**bad)  # type: ignore[arg-type]
