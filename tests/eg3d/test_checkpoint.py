from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from gan3dinv_ns.eg3d import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    load_discriminator,
    load_generator,
    registry,
    save_discriminator,
    save_generator,
)


@pytest.fixture
def small_discriminator() -> Discriminator:
    return Discriminator(DiscriminatorConfig(img_resolution=16, channel_base=64, channel_max=8)).eval()


def states_equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("resolution", [16, 64, 128])
def test_generator_survives_saving_and_loading(tmp_path, small_config, resolution):
    generator = Generator(replace(small_config, plane_resolution=resolution))
    save_generator(generator, tmp_path / "g.safetensors")
    loaded = load_generator(tmp_path / "g.safetensors")
    assert loaded.config == generator.config and not loaded.training
    assert states_equal(loaded, generator)
    assert loaded.plane_resolution == resolution


def test_loading_leaves_the_random_numbers_alone(tmp_path, small_generator):
    save_generator(small_generator, tmp_path / "g.safetensors")
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    load_generator(tmp_path / "g.safetensors")
    assert torch.equal(torch.rand(3), expected)


def test_discriminator_survives_saving_and_loading(tmp_path, small_discriminator):
    save_discriminator(small_discriminator, tmp_path / "d.safetensors")
    assert states_equal(load_discriminator(tmp_path / "d.safetensors"), small_discriminator)


def test_half_takes_half_the_space_and_loads_as_float32(tmp_path, small_generator):
    save_generator(small_generator, tmp_path / "full.safetensors")
    save_generator(small_generator, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    loaded = load_generator(tmp_path / "half.safetensors")
    assert all(value.dtype == torch.float32 for value in loaded.state_dict().values())


def test_nothing_is_left_behind_beside_a_saved_file(tmp_path, small_generator):
    save_generator(small_generator, tmp_path / "g.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["g.safetensors"]


def test_published_pickle_loads_strictly_and_converts(tmp_path, published_pickle):
    generator = load_generator(published_pickle)
    assert generator.num_ws == 14 and generator.plane_resolution == 256
    assert generator.rendering.ray_start == 2.25 and generator.rendering.plane_axes == "eg3d"
    save_generator(generator, tmp_path / "converted.safetensors")
    again = load_generator(tmp_path / "converted.safetensors")
    assert again.config == generator.config and states_equal(again, generator)


def test_plane_axes_can_be_overridden(tmp_path, published_pickle, small_generator):
    assert load_generator(published_pickle, plane_axes="yz").rendering.plane_axes == "yz"
    save_generator(small_generator, tmp_path / "g.safetensors")
    assert load_generator(tmp_path / "g.safetensors", plane_axes="yz").config.rendering.plane_axes == "yz"
    with pytest.raises(ValueError, match="plane_axes 'xyz'"):
        load_generator(tmp_path / "g.safetensors", plane_axes="xyz")


def test_registered_names_lead_to_the_package(tmp_path, monkeypatch, small_generator, small_discriminator):
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    with pytest.raises(ValueError, match="makehuman128-64: the generator's weights are missing"):
        load_generator("makehuman128-64")
    save_generator(small_generator, tmp_path / "makehuman128-64.safetensors")
    save_discriminator(small_discriminator, tmp_path / "makehuman128-64.discriminator.safetensors")
    assert isinstance(load_generator("makehuman128-64"), Generator)
    assert isinstance(load_discriminator("makehuman128-64"), Discriminator)


@pytest.mark.parametrize("name", ["nowhere.pkl", "nowhere.safetensors", "nowhere"])
def test_missing_files_are_named(tmp_path, name):
    with pytest.raises(ValueError, match="no such file"):
        load_generator(tmp_path / name)


def test_other_endings_are_refused(tmp_path):
    (tmp_path / "network.pt").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"must be a \.pkl or a \.safetensors"):
        load_generator(tmp_path / "network.pt")


def damaged(tmp_path, generator, change):
    """A file whose tensors and configuration went through `change`."""
    path = tmp_path / "g.safetensors"
    save_generator(generator, path)
    state, config = load_file(path), {"role": "generator", **generator.config.to_dict()}
    change(state, config)
    save_file(state, path, metadata={"config": json.dumps(config)})
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, c: s.pop("decoder.net.0.bias"), "missing, first decoder.net.0.bias"),
        (lambda s, c: s.update(extra=torch.zeros(2)), "do not belong to the network, first extra"),
        (lambda s, c: s.update({"decoder.net.0.bias": torch.zeros(3)}), "decoder.net.0.bias has shape"),
        (lambda s, c: c.update(role="discriminator"), "holds discriminator"),
        (lambda s, c: c.update(colour="red"), "unknown GeneratorConfig keys colour"),
        (lambda s, c: c.update(superresolution="3X"), "superresolution '3X'"),
        (lambda s, c: c.update(plane_resolution=100), "plane resolution 100"),
        (lambda s, c: c.update(rendering=None), "RenderingOptions: must be a mapping"),
        (lambda s, c: c.update(z_dim="many"), "z_dim"),
        (lambda s, c: c["rendering"].update(avg_camera_pivot=[0, 1]), "avg_camera_pivot [0, 1]"),
        (lambda s, c: c.pop("role"), "no network configuration"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, small_generator, change, message):
    path = damaged(tmp_path, small_generator, change)
    with pytest.raises(ValueError) as caught:
        load_generator(path)
    assert message in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("metadata", [None, {}, {"config": "x"}, {"config": "[1]"}, {"config": "3"}])
def test_plain_tensors_are_no_network(tmp_path, metadata):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", metadata=metadata)
    with pytest.raises(ValueError, match="no network configuration"):
        load_generator(tmp_path / "a.safetensors")


def test_truncated_safetensors_are_named(tmp_path, small_generator):
    path = tmp_path / "g.safetensors"
    save_generator(small_generator, path)
    content = path.read_bytes()
    for size in (0, 5, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"g\.safetensors: not a complete safetensors file"):
            load_generator(path)
