"""Latent encoder and pose estimator in files, one .safetensors each, with their sizes in the metadata.

Matrices and convolutions are stored in 8 bits: per output, whole numbers from -127 to 127 and the step between them
(``NAME.step``). Files that hold them as floating-point numbers are read too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan3dinv_ns.encoders.config import LatentEncoderConfig, PoseEstimatorConfig
from gan3dinv_ns.encoders.latent_encoder import LatentEncoder
from gan3dinv_ns.encoders.pose_estimator import PoseEstimator
from gan3dinv_ns.ops.network_files import build_network, read_network_file, write_network_file

ENCODER, POSE, POSE_WITH_ROLL = "encoder", "pose", "pose-roll"
_STEP = ".step"


def save_encoder(encoder: LatentEncoder, path: str | Path) -> None:
    """Write E, whole or not at all, in a quarter of its space in memory."""
    write_network_file(path, ENCODER, encoder.config.to_dict(), _stored(encoder))


def save_estimator(estimator: PoseEstimator, path: str | Path) -> None:
    """Write P, whole or not at all, in a quarter of its space in memory."""
    write_network_file(path, POSE, estimator.config.to_dict(), _stored(estimator))


def load_encoder(path: str | Path, device: str | torch.device = "cpu") -> LatentEncoder:
    """E in evaluation mode, float32, frozen.

    Raises:
        ValueError: the file is missing, damaged, of another kind, or does not fit its sizes.
    """
    return _load(path, ENCODER, LatentEncoder, LatentEncoderConfig).to(device)


def load_estimator(path: str | Path, device: str | torch.device = "cpu") -> PoseEstimator:
    """P in evaluation mode, float32, frozen.

    Raises:
        ValueError: the file is missing, damaged, of another kind, or does not fit its sizes.
    """
    return _load(path, POSE, PoseEstimator, PoseEstimatorConfig).to(device)


def _load(path: str | Path, role: str, network_type: Any, config_type: Any) -> Any:
    config, state = read_network_file(path, role)
    return build_network(path, network_type, config_type, config, _without_steps(path, state)).requires_grad_(False)


def _stored(network: torch.nn.Module) -> dict[str, Tensor]:
    """A network's tensors as a file holds them."""
    state: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        value = value.detach().cpu().contiguous()
        if value.ndim > 1:
            state[key], state[key + _STEP] = _in_steps(value)
        else:
            state[key] = value
    return state


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
