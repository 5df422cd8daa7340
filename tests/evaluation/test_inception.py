"""Claims about the Inception network of FID, with random weights in the published layout."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from gan3dinv_ns.evaluation.inception import WEIGHTS_FILES, InceptionFeatures, downloaded_inception, load_inception


class Executed:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def untrained() -> FeatureExtractorInceptionV3:
    """torch-fidelity's network as it is before it has read its weights."""
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], nothing)


@torch.no_grad()
def test_published_weights_give_the_features_of_the_published_network(tmp_path: Path, untrained) -> None:
    path = tmp_path / WEIGHTS_FILES[1]
    torch.save({name: value.half() for name, value in untrained.state_dict().items()}, path)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    network = load_inception(path)
    assert torch.equal(torch.get_rng_state(), before), "the random numbers to come stay what they were"
    levels = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    found = network(levels / 127.5 - 1)
    untrained.load_state_dict(torch.load(path, weights_only=True))
    assert found.shape == (2, 2048) and bool(found.std() > 0)
    torch.testing.assert_close(found, untrained(levels)[0])


def test_pictures_are_rounded_to_the_bytes_of_files() -> None:
    class Seen(nn.Module):
        def forward(self, pictures):
            self.pictures = pictures
            return (pictures.float().mean(dim=(2, 3)),)

    seen = Seen()
    InceptionFeatures(seen)(torch.tensor([-1.5, -1.0, 0.0, 0.999, 2.0]).expand(1, 3, 1, 5))
    assert seen.pictures.dtype == torch.uint8 and seen.pictures[0, 0, 0].tolist() == [0, 0, 128, 255, 255]


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    torch.save({"fc.weight": Executed(tmp_path / "executed")}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match=r"bad\.pth: cannot be read as tensors") as caught:
        load_inception(tmp_path / "bad.pth")
    assert not (tmp_path / "executed").exists() and "\n" not in str(caught.value)


def test_other_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "other.pth")
    for name, told in {
        "other.pth": "not in the layout of FID's Inception.*Missing key",
        "no.pth": "no such file; give the weights of FID's",
    }.items():
        with pytest.raises(ValueError, match=told) as caught:
            load_inception(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_weights_that_other_programs_have_downloaded_are_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert downloaded_inception() is None
    for name in reversed(WEIGHTS_FILES):
        (tmp_path / "hub" / "checkpoints").mkdir(parents=True, exist_ok=True)
        (tmp_path / "hub" / "checkpoints" / name).touch()
        found = downloaded_inception()
        assert found is not None and found.name == name
