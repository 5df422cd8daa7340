"""The initialisers that came with a generator."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders.checkpoint import ENCODER, POSE, POSE_WITH_ROLL, load_encoder, load_estimator
from gan3dinv_ns.encoders.latent_encoder import LatentEncoder
from gan3dinv_ns.encoders.pose_estimator import PoseEstimator


class Initialisers(nn.Module):
    """E and P of one generator, as far as it has them.

    Attributes:
        encoder: photo -> w.
        estimator: photo -> camera, for upright photos.
        estimator_with_roll: photo -> camera, for photos that may be rolled.
    """

    def __init__(
        self,
        encoder: LatentEncoder | None = None,
        estimator: PoseEstimator | None = None,
        estimator_with_roll: PoseEstimator | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.estimator = estimator
        self.estimator_with_roll = estimator_with_roll


def find_initialisers(source: str | Path, device: str | torch.device = "cpu") -> Initialisers | None:
    """The initialisers that came with a generator; None if there are none.

    Args:
        source: what the generator was loaded from: a name, a URL, or NAME.safetensors. Beside its file (for a
            downloaded one in the hub folder) NAME.encoder.safetensors, NAME.pose.safetensors and
            NAME.pose-roll.safetensors may lie.
        device: where they go.

    Raises:
        ValueError: a file is there, but damaged.
    """
    encoder, pose, rolled = (network_file(source, role) for role in (ENCODER, POSE, POSE_WITH_ROLL))
    if not any(path.is_file() for path in (encoder, pose, rolled)):
        return None
    found = Initialisers(
        load_encoder(encoder, device) if encoder.is_file() else None,
        load_estimator(pose, device) if pose.is_file() else None,
        load_estimator(rolled, device) if rolled.is_file() else None,
    )
    return found.eval()
