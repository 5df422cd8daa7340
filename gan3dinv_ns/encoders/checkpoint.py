"""Both initialisers in one .safetensors file, with their sizes in its metadata.

Matrices and convolutions are stored in 8 bits: per output, whole numbers from -127 to 127 and the step between them
(``NAME.step``). Files that hold them as floating-point numbers are read too.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders.config import InitialiserConfig
from gan3dinv_ns.encoders.latent_encoder import LatentEncoder
from gan3dinv_ns.encoders.pose_estimator import PoseEstimator
from gan3dinv_ns.ops.network_files import fill_network, read_network_file, write_network_file

_ROLE = "initialisers"
_STEP = ".step"


class Initialisers(nn.Module):
    """E and P of one generator.

    Attributes:
        config: their sizes.
        encoder: photo -> w.
        estimator: photo -> yaw and pitch.
    """

    def __init__(self, config: InitialiserConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = LatentEncoder(config)
        self.estimator = PoseEstimator(config)


def build_initialisers(config: InitialiserConfig | None = None) -> Initialisers:
    """Untrained networks."""
    return Initialisers(config or InitialiserConfig())


def save_initialisers(initialisers: Initialisers, path: str | Path) -> None:
    """Write both, whole or not at all, in a quarter of their space in memory."""
    state: dict[str, Tensor] = {}
    for key, value in initialisers.state_dict().items():
        value = value.detach().cpu().contiguous()
        if value.ndim > 1:
            state[key], state[key + _STEP] = _in_steps(value)
        else:
            state[key] = value
    write_network_file(path, _ROLE, initialisers.config.to_dict(), state)


def find_initialisers(source: str | Path, device: str | torch.device = "cpu") -> Initialisers | None:
    """The initialisers that came with a generator; None if there are none.

    Args:
        source: what the generator was loaded from: a registered name, or NAME.safetensors, beside which
            NAME.initialisers.safetensors may lie.

    Raises:
        ValueError: the file is there, but damaged.
    """
    path = network_file(source, _ROLE)
    return load_initialisers(path, device) if path.is_file() else None


def load_initialisers(path: str | Path, device: str | torch.device = "cpu") -> Initialisers:
    """Both in evaluation mode, float32, frozen.

    Raises:
        ValueError: the file is missing, damaged, of another kind, or does not fit its sizes.
    """
    config, state = read_network_file(path, _ROLE)
    initialisers = build_initialisers(InitialiserConfig.from_dict(config))
    fill_network(path, initialisers, _without_steps(path, state))
    return initialisers.eval().requires_grad_(False).to(device)


def _in_steps(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight [out, ...] as whole numbers of the same shape (int8), and the step of each output [out]."""
    step = weight.flatten(1).abs().amax(dim=1).clamp_min(1e-12) / 127
    return (weight / _beside(step, weight)).round().to(torch.int8), step


def _without_steps(path: str | Path, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a file holds, as floating-point numbers.

    Raises:
        ValueError: a weight has other outputs than steps.
    """
    numbers = {}
    for key, value in state.items():
        step = state.get(key + _STEP)
        if value.dtype == torch.int8 and step is not None:
            if step.shape != value.shape[:1]:
                raise ValueError(f"{path}: {key} has {list(value.shape)} numbers, but {list(step.shape)} steps")
            numbers[key] = value * _beside(step, value)
        elif not key.endswith(_STEP):
            numbers[key] = value.float() if value.is_floating_point() else value
    return numbers


def _beside(step: Tensor, weight: Tensor) -> Tensor:
    return step.reshape(-1, *[1] * (weight.ndim - 1))
