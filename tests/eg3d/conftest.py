"""The reference networks of tests/data/golden, put together once for all tests."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.eg3d.published import generator_config

GOLDEN = Path(__file__).resolve().parent.parent / "data" / "golden"


def _draw(plan: dict[str, Any]) -> list[tuple[dict[str, Any], Tensor]]:
    source = torch.Generator().manual_seed(plan["seed"])
    return [(item, torch.randn(item["shape"], generator=source) / item["divisor"]) for item in plan["draws"]]


@pytest.fixture(scope="session")
def golden_draws() -> dict[str, Any]:
    return json.loads((GOLDEN / "draws.json").read_text())


@pytest.fixture(scope="session")
def published_pickle(tmp_path_factory: pytest.TempPathFactory, golden_draws: dict[str, Any]) -> Path:
    """The file in the layout of the published checkpoints."""
    content = bytearray(lzma.decompress((GOLDEN / "official_format.pkl.xz").read_bytes()))
    for network in ("ffhq_2x", "discriminator"):
        for item, values in _draw(golden_draws[network]):
            if item["name"] is not None:
                data = values.numpy().tobytes()
                content[item["offset"] : item["offset"] + len(data)] = data
    path = tmp_path_factory.mktemp("golden") / "official_format.pkl"
    path.write_bytes(content)
    return path


@pytest.fixture(scope="session")
def golden_shapenet(golden_draws: dict[str, Any]) -> Generator:
    """The network shapenet_2x."""
    state = load_file(GOLDEN / "shapenet_2x.remaining.safetensors")
    drawn = _draw(golden_draws["shapenet_2x"])
    state.update({item["name"]: values for item, values in drawn if item["name"] is not None})
    made = json.loads((GOLDEN / "shapenet_2x.json").read_text())
    config = generator_config(made["init_kwargs"], made["rendering_kwargs"], made["neural_rendering_resolution"])
    generator = Generator(config).eval()
    generator.load_state_dict(state, strict=True)
    return generator


@pytest.fixture(scope="session")
def golden_values() -> Callable[[str], dict[str, Tensor]]:
    """Inputs and results of a reference network by its name."""
    return lambda name: load_file(GOLDEN / f"{name}.reference.safetensors")


@pytest.fixture(scope="session")
def relative_error() -> Callable[[Tensor, Tensor], float]:
    """Norm of the difference over norm of the reference."""
    return lambda found, reference: float((found - reference).norm() / reference.norm())


@pytest.fixture
def small_config() -> GeneratorConfig:
    """A generator that computes in a moment."""
    return GeneratorConfig(
        z_dim=16,
        w_dim=32,
        plane_resolution=16,
        channel_base=256,
        channel_max=16,
        neural_rendering_resolution=8,
        rendering=RenderingOptions(depth_resolution=6, depth_resolution_importance=6, white_back=True),
    )


@pytest.fixture
def small_generator(small_config: GeneratorConfig) -> Generator:
    torch.manual_seed(0)
    generator = Generator(small_config).eval()
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.1)
    return generator


@pytest.fixture
def frontal() -> Tensor:
    """The label [1, 25] of a camera that looks at the face from the front."""
    pose = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1]
    return torch.tensor([[*pose, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]])
