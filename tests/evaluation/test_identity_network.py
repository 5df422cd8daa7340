"""Claims about networks of face recognition in their published layout."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gan3dinv_ns.evaluation.identity_network import SIDE, TEMPLATE, aligned, load_identity_network
from gan3dinv_ns.photo import Face


def _published(units: tuple[int, ...], excitation: bool, affine: bool) -> dict[str, Tensor]:
    """Random weights under the published names and in the published shapes."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def weight(name: str, *shape: int) -> None:
        fan = math.prod(shape[1:]) or 1
        state[f"{name}.weight"] = (
            torch.randn(shape, generator=random) / math.sqrt(fan)
            if len(shape) > 1
            else (1 + 0.1 * torch.randn(shape, generator=random))
        )

    def norm(name: str, width: int, learned: bool = True) -> None:
        if learned:
            weight(name, width)
            state[f"{name}.bias"] = 0.1 * torch.randn(width, generator=random)
        state[f"{name}.running_mean"] = 0.1 * torch.randn(width, generator=random)
        state[f"{name}.running_var"] = 1 + torch.rand(width, generator=random)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    weight("input_layer.0", 64, 3, 3, 3)
    norm("input_layer.1", 64)
    weight("input_layer.2", 64)
    taken, number = 64, 0
    for width, count in zip((64, 128, 256, 512), units, strict=True):
        for _ in range(count):
            unit = f"body.{number}"
            if taken != width:
                weight(f"{unit}.shortcut_layer.0", width, taken, 1, 1)
                norm(f"{unit}.shortcut_layer.1", width)
            norm(f"{unit}.res_layer.0", taken)
            weight(f"{unit}.res_layer.1", width, taken, 3, 3)
            weight(f"{unit}.res_layer.2", width)
            weight(f"{unit}.res_layer.3", width, width, 3, 3)
            norm(f"{unit}.res_layer.4", width)
            if excitation:
                weight(f"{unit}.res_layer.5.fc1", width // 16, width, 1, 1)
                weight(f"{unit}.res_layer.5.fc2", width, width // 16, 1, 1)
            taken, number = width, number + 1
    norm("output_layer.0", 512)
    weight("output_layer.3", 512, 512 * 7 * 7)
    state["output_layer.3.bias"] = torch.zeros(512)
    norm("output_layer.4", 512, affine)
    return state


def _reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The published forward pass, from the functions of torch."""
    functional = nn.functional

    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(x, mean, variance, state.get(f"{name}.weight"), state.get(f"{name}.bias"))

    x = functional.conv2d(x, state["input_layer.0.weight"], padding=1)
    x = functional.prelu(norm("input_layer.1", x), state["input_layer.2.weight"])
    numbers = sorted({int(key.split(".")[1]) for key in state if key.startswith("body.")})
    last = 0
    for number in numbers:
        unit = f"body.{number}"
        width = state[f"{unit}.res_layer.3.weight"].shape[0]
        stride = 2 if width != last else 1
        last = width
        short = f"{unit}.shortcut_layer"
        skip = x[..., ::stride, ::stride]
        if f"{short}.0.weight" in state:
            skip = norm(f"{short}.1", functional.conv2d(x, state[f"{short}.0.weight"], stride=stride))
        y = functional.conv2d(norm(f"{unit}.res_layer.0", x), state[f"{unit}.res_layer.1.weight"], padding=1)
        y = functional.prelu(y, state[f"{unit}.res_layer.2.weight"])
        y = functional.conv2d(y, state[f"{unit}.res_layer.3.weight"], stride=stride, padding=1)
        y = norm(f"{unit}.res_layer.4", y)
        if f"{unit}.res_layer.5.fc1.weight" in state:
            gate = y.mean(dim=(2, 3), keepdim=True)
            gate = functional.conv2d(gate, state[f"{unit}.res_layer.5.fc1.weight"]).relu()
            y = y * functional.conv2d(gate, state[f"{unit}.res_layer.5.fc2.weight"]).sigmoid()
        x = y + skip
    x = norm("output_layer.0", x).flatten(1)
    x = norm("output_layer.4", x @ state["output_layer.3.weight"].T + state["output_layer.3.bias"])
    return x / x.norm(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ("units", "excitation", "affine"), [((3, 4, 14, 3), True, True), ((3, 13, 30, 3), False, False)]
)
@torch.no_grad()
def test_published_weights_give_the_published_values(tmp_path: Path, units, excitation, affine) -> None:
    state = _published(units, excitation, affine)
    save_file(state, tmp_path / "network.safetensors")
    network = load_identity_network(tmp_path / "network.safetensors")
    pictures = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    torch.testing.assert_close(network(pictures), _reference(state, pictures), rtol=1e-3, atol=1e-4)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save({"input_layer.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "broken.pth").write_bytes(b"no tensors")
    cases = {
        "other": "not in the layout",
        "list": "something else than tensors",
        "broken": "cannot be read",
        "no": "no such file",
    }
    for name, told in cases.items():
        with pytest.raises(ValueError, match=told) as caught:
            load_identity_network(tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("turn", "scale", "shift"), [(0.0, 1.0, (0.0, 0.0)), (0.4, 2.3, (31.0, 12.0))])
def test_an_aligned_face_has_its_points_on_the_template(turn: float, scale: float, shift: tuple[float, float]) -> None:
    # The picture shows its own coordinates.
    height, width = 360, 300
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    picture = torch.stack([x, y, torch.zeros_like(x)])[None]
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) * scale
    points = torch.tensor(TEMPLATE) @ rotation.T + torch.tensor(shift) + torch.tensor([70.0, 5.0])
    face = Face((0, 0, 1, 1), tuple((float(a), float(b)) for a, b in points))
    found = aligned(picture, face)
    assert found.shape == (1, 3, SIDE, SIDE)
    places = torch.tensor(TEMPLATE) / SIDE * 2 - 1
    seen = nn.functional.grid_sample(found, places[None, None], align_corners=False)[0, :2, 0].T
    torch.testing.assert_close(seen, points, rtol=0, atol=0.05)
