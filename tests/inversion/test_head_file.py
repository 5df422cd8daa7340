"""Claims about heads that are opened again from one file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import load_discriminator, load_generator, save_generator
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.inversion.head_file import find_head, load_head, run_folder, write_edited_head, write_head
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.views import orbit_labels
from gan3dinv_ns.ops.image_metrics import psnr
from gan3dinv_ns.ops.network_files import write_network_file


def _inversion(generator_file: Path, cameras: Tensor) -> Inversion:
    """Of black photos, one for each camera [K, 4, 4]."""
    generator = load_generator(generator_file)
    discriminator = load_discriminator(network_file(generator_file, "discriminator"))
    photos = torch.zeros(len(cameras), 3, generator.img_resolution, generator.img_resolution)
    inversion = Inversion(generator, discriminator, photos)
    inversion.pose.place(cameras)
    return inversion


@pytest.fixture(scope="module")
def inversion(tiny_generator_file: Path) -> Inversion:
    return _inversion(tiny_generator_file, orbit(0.3, 0.1))


@pytest.fixture(scope="module")
def file(inversion: Inversion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "head.safetensors"
    write_head(inversion, path)
    return path


def test_a_head_looks_the_same_once_it_is_opened_again(inversion: Inversion, file: Path) -> None:
    head = load_head(file)
    torch.testing.assert_close(head.label, inversion.label.detach())
    torch.testing.assert_close(head.w, inversion.w[0, 0].detach())
    assert psnr(head.render(head.label)["image"], inversion.render(inversion.label.detach())["image"]) > 45
    label = orbit_labels(torch.tensor([0.4]), torch.tensor([-0.1]), inversion.settings.pose.focal, 2.7)
    assert psnr(head.view(0.4, -0.1), inversion.novel_view(label)) > 45


def test_a_head_is_found_from_its_run(tmp_path: Path) -> None:
    file = tmp_path / "run" / "inversion" / "head.safetensors"
    with pytest.raises(ValueError, match=r"run: holds no head\.safetensors"):
        find_head(tmp_path / "run")
    with pytest.raises(ValueError, match=r"head\.safetensors: no such file"):
        find_head(file)
    file.parent.mkdir(parents=True)
    file.touch()
    for place in (file, file.parent, tmp_path / "run", tmp_path / "run" / "config.yml"):
        assert find_head(place) == file and run_folder(file) == tmp_path / "run"
    with pytest.raises(ValueError, match=r"typo: holds no head\.safetensors"):
        find_head(tmp_path / "run" / "typo")


def test_an_edited_head_is_found_and_looks_the_same_once_it_is_opened_again(file: Path, tmp_path: Path) -> None:
    head = load_head(file)
    torch.testing.assert_close(head.ws, head.w.expand_as(head.ws))
    ws = head.ws.clone()
    ws[:, 2:5] += 3 * torch.randn(head.w.shape, generator=torch.Generator().manual_seed(0))
    edited = head.with_ws(ws)
    write_edited_head(edited, tmp_path / "edits" / "age+1" / "edited.safetensors")
    found = find_head(tmp_path / "edits" / "age+1")
    again = load_head(found)
    assert run_folder(found) == found.parent
    torch.testing.assert_close(again.ws, ws)
    torch.testing.assert_close(again.w, head.w)
    assert psnr(again.view(0.2), edited.view(0.2)) > 45
    assert psnr(again.view(0.2), head.view(0.2)) < 45


def test_a_head_of_several_photos_keeps_all_their_cameras(tiny_generator_file: Path, tmp_path: Path) -> None:
    several = _inversion(tiny_generator_file, orbit(torch.tensor([0.3, -0.2]), torch.tensor([0.1, 0.0])))
    write_head(several, tmp_path / "head.safetensors")
    head = load_head(tmp_path / "head.safetensors")
    torch.testing.assert_close(head.label, several.label.detach())
    assert head.label.shape == (2, 25) and head.view(0.2).shape == several.target.photo[:1].shape


def test_weights_take_half_the_space(inversion: Inversion, file: Path) -> None:
    whole = sum(value.numel() * 4 for value in inversion.generator.state_dict().values())
    stored = sum(value.numel() * value.element_size() for value in load_file(file).values())
    assert stored < 0.51 * whole + 1000


@pytest.mark.parametrize(
    "kind", ["missing", "generator", "cut short", "without latent", "foreign latent", "few layers"]
)
def test_what_is_no_head_is_refused_in_one_line(inversion: Inversion, file: Path, tmp_path: Path, kind: str) -> None:
    path, state = tmp_path / "other.safetensors", load_file(file)
    config = inversion.generator.config.to_dict()
    if kind == "generator":
        save_generator(inversion.generator, path)
    elif kind == "cut short":
        path.write_bytes(file.read_bytes()[:-100])
    elif kind == "without latent":
        write_network_file(path, "head", config, {key: value for key, value in state.items() if key != "w"})
    elif kind == "foreign latent":
        write_network_file(path, "head", config, state | {"w": torch.zeros(7)})
    elif kind == "few layers":
        write_network_file(path, "head", config, state | {"ws": torch.zeros(3, 512)})
    with pytest.raises(ValueError, match="other") as error:
        load_head(path)
    assert "\n" not in str(error.value)
