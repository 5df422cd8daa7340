"""Claims about DEX in its published layouts, with random weights whose layers have one filter again and again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.evaluation.age_estimator import SIDE, load_age_estimator

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def _published() -> dict[str, Tensor]:
    """Weights under the published names and in the published shapes; small as a file, as filters are repeated."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def layer(name: str, given: int, *taken: int) -> None:
        fan = torch.Size(taken).numel()
        filters = given if name == "fc8-101" else 1
        weight = torch.randn((filters, *taken), generator=random) * (2 / fan) ** 0.5
        state[f"{name}.weight"] = weight.expand(given, *taken)
        state[f"{name}.bias"] = 0.5 * torch.randn(given, generator=random)

    taken = 3
    for stage, (width, count) in enumerate(_STAGES, start=1):
        for number in range(1, count + 1):
            layer(f"conv{stage}_{number}", width, taken, 3, 3)
            taken = width
    layer("fc6", 4096, 512 * 7 * 7)
    layer("fc7", 4096, 4096)
    layer("fc8-101", 101, 4096)
    return state


def _reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The published forward pass, from the functions of torch."""
    for stage, (_, count) in enumerate(_STAGES, start=1):
        for number in range(1, count + 1):
            name = f"conv{stage}_{number}"
            x = F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1).relu()
        x = F.max_pool2d(x, 2)
    x = x.flatten(1)
    for name in ("fc6", "fc7"):
        x = F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"]).relu()
    shares = F.linear(x, state["fc8-101.weight"], state["fc8-101.bias"]).softmax(dim=1)
    return sum(year * shares[:, year] for year in range(101))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return _published()


@pytest.mark.parametrize(("wrapped", "name"), [(True, "fc8-101"), (False, "fc8_101")])
@torch.no_grad()
def test_published_weights_give_the_published_ages(tmp_path: Path, state, wrapped: bool, name: str) -> None:
    """SAM's file takes RGB in [-1, 1]; the one converted from Caffe, BGR from 0 to 255 less the mean colour."""
    kept = {key.replace("fc8-101", name): value for key, value in state.items()}
    torch.save({"state_dict": kept, "epoch": 3} if wrapped else kept, tmp_path / "age.pth")
    pictures = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    red, green, blue = (127.5 * (pictures + 1)).split(1, dim=1)
    caffe = torch.cat([blue - 103.939, green - 116.779, red - 123.68], dim=1)
    found = load_age_estimator(tmp_path / "age.pth")(pictures)
    wanted = _reference(state, pictures if wrapped else caffe)
    assert found.shape == (1,) and 0 < float(found) < 100
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_other_files_are_refused_in_one_line(tmp_path: Path, state) -> None:
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "vgg.pth")
    torch.save({key: value for key, value in state.items() if key != "fc7.bias"}, tmp_path / "part.pth")
    torch.save({**state, "fc8-101.weight": torch.zeros(2, 4096)}, tmp_path / "few.pth")
    (tmp_path / "a.safetensors").touch()
    cases = {
        "vgg.pth": "not in the layout of DEX",
        "part.pth": "1 tensors are missing, first classifier.3.bias",
        "few.pth": r"classifier.6.weight has shape \(2, 4096\), must be \(101, 4096\)",
        "a.safetensors": "does not tell whether it takes BGR or RGB",
        "no.pth": "no such file; give the weights of DEX",
    }
    for name, told in cases.items():
        with pytest.raises(ValueError, match=told) as caught:
            load_age_estimator(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
