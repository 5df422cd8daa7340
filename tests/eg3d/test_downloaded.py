"""Generators by name and URL, from a server of this process with the small checkpoint in the published layout."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.eg3d import (
    Discriminator,
    Generator,
    downloaded,
    load_discriminator,
    load_generator,
    registry,
    save_generator,
)
from gan3dinv_ns.eg3d.registry import network_file, source_file
from gan3dinv_ns.ops import network_files
from gan3dinv_ns.ops.atomic_files import FileWriteError

NAME = "ffhqrebalanced512-128"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """The folder of torch's hub, empty."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def published(file_server, monkeypatch):
    """The server, in place of the one that publishes the checkpoints."""
    monkeypatch.setattr(registry, "PUBLISHED_FOLDER", file_server.url("files"))
    return file_server


def files_in(folder: Path) -> set[str]:
    """Names in a folder, but for those of locks."""
    return {path.name for path in folder.glob("*") if path.suffix != ".lock"} if folder.is_dir() else set()


def states_equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_a_published_name_is_downloaded_and_converted_once(hub, published, published_pickle, capsys):
    published.serve(f"files/{NAME}.pkl", published_pickle.read_bytes(), cut_at=3_000_000)
    with pytest.raises(ValueError, match="run again to resume"):
        load_generator(NAME)
    generator = load_generator(NAME)
    assert [asked is None for asked in published.ranges] == [True, False]
    assert "non-commercial research" in capsys.readouterr().err
    assert files_in(hub) == {f"{NAME}.safetensors", f"{NAME}.discriminator.safetensors"}
    published.close()
    assert states_equal(load_generator(NAME), generator) and len(published.ranges) == 2
    assert not capsys.readouterr().err
    assert states_equal(generator, load_generator(published_pickle))
    assert generator.config == load_generator(published_pickle).config
    discriminator = load_discriminator(published_pickle)
    assert states_equal(load_discriminator(NAME), discriminator)
    assert states_equal(load_discriminator(network_file(NAME, "discriminator")), discriminator)


def test_a_url_of_a_pickle_is_downloaded_and_converted(hub, file_server, published_pickle, capsys):
    url = file_server.serve("some/mine.pkl", published_pickle.read_bytes()) + "?download=1"
    assert isinstance(load_discriminator(url), Discriminator) and isinstance(load_generator(url), Generator)
    assert len(file_server.ranges) == 1 and "NVIDIA" not in capsys.readouterr().err
    assert network_file(url, "generator").name.startswith("mine-") and network_file(url, "generator").parent == hub
    assert network_file(url, "encoder") == network_file(url, "generator").with_suffix(".encoder.safetensors")


def test_a_url_of_safetensors_stays_as_it_is(hub, tmp_path, file_server, small_generator):
    save_generator(small_generator, tmp_path / "g.safetensors")
    url = file_server.serve("g.safetensors", (tmp_path / "g.safetensors").read_bytes())
    assert states_equal(load_generator(url), small_generator) and states_equal(load_generator(url), small_generator)
    assert len(file_server.ranges) == 1 and files_in(hub) == {network_file(url, "generator").name}


def test_equal_names_at_different_addresses_are_different_files(hub):
    files = {source_file(url) for url in ("http://a.org/g.pkl", "http://b.org/g.pkl", "https://a.org/g.pkl")}
    assert len(files) == 3


@pytest.mark.parametrize("url", ["http://a.org/", "http://a.org/g.ckpt", "https://a.org/.pkl", "https://a.org"])
def test_other_addresses_are_refused_without_asking(hub, url):
    with pytest.raises(ValueError, match=r"must be the URL of a \.pkl or a \.safetensors file"):
        load_generator(url)


def test_without_a_connection_one_line_says_which_file_to_put_where(hub, published):
    published.close()
    with pytest.raises(ValueError) as caught:
        load_generator(NAME)
    line = str(caught.value)
    assert "\n" not in line and f"files/{NAME}.pkl cannot be downloaded (the server cannot be reached)" in line
    assert line.endswith(f"put it at {hub / NAME}.pkl") and not files_in(hub)


def test_a_file_that_was_put_there_is_converted_and_kept(hub, published, published_pickle):
    published.close()
    hub.mkdir(parents=True)
    (hub / f"{NAME}.pkl").write_bytes(published_pickle.read_bytes())
    assert states_equal(load_generator(NAME), load_generator(published_pickle))
    assert files_in(hub) == {f"{NAME}.pkl", f"{NAME}.safetensors", f"{NAME}.discriminator.safetensors"}


def test_a_name_that_the_server_does_not_have_is_one_line(hub, published):
    with pytest.raises(ValueError, match=r"\(the server answers 404 Not Found\); or get that file in another way"):
        load_generator("afhqcats512-128")
    assert not files_in(hub)


def archive() -> bytes:
    """A checkpoint of another kind of network, in torch's zip format."""
    content = io.BytesIO()
    torch.save({"state_dict": {"model.diffusion_model.out.2.bias": torch.zeros(4)}}, content)
    assert zipfile.is_zipfile(content)
    return content.getvalue()


@pytest.mark.parametrize(
    "content", [b"<!DOCTYPE html><html>Sign in</html>", archive(), b""], ids=["html", "zip", "empty"]
)
@pytest.mark.parametrize("ending", ["pkl", "safetensors"])
def test_other_content_is_one_line_and_leaves_nothing(hub, file_server, content, ending):
    url = file_server.serve(f"g.{ending}", content)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"is no generator that can be used \(") as caught:
            load_generator(url)
        assert "\n" not in str(caught.value) and url in str(caught.value) and not files_in(hub)


def test_no_room_for_the_conversion_keeps_the_download(hub, published, published_pickle, monkeypatch):
    published.serve(f"files/{NAME}.pkl", published_pickle.read_bytes())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(network_files, "save_file", full)
        with pytest.raises(FileWriteError, match="the disk is full"):
            load_generator(NAME)
    assert files_in(hub) == {f"{NAME}.pkl"}
    assert isinstance(load_generator(NAME), Generator) and len(published.ranges) == 1


def test_a_pickle_without_a_usable_discriminator_gives_its_generator(
    hub, file_server, published_pickle, monkeypatch, capsys
):
    read = downloaded.read_published

    def generator_only(path: Path, role: str):
        if role == "discriminator":
            raise ValueError("D is a Critic")
        return read(path, role)

    monkeypatch.setattr(downloaded, "read_published", generator_only)
    url = file_server.serve("g.pkl", published_pickle.read_bytes())
    assert isinstance(load_generator(url), Generator)
    assert "warning: without its discriminator: D is a Critic" in capsys.readouterr().err
    assert files_in(hub) == {network_file(url, "generator").name}
    with pytest.raises(ValueError, match=r"discriminator\.safetensors: no such file"):
        load_discriminator(url)
