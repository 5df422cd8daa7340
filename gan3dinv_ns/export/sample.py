"""Heads that no photo was needed for: random samples of a generator."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator


@torch.no_grad()
def planes_of_seed(generator: Generator, seed: int, truncation_psi: float = 0.7) -> Tensor:
    """Tri-planes [1, 3, C, R, R] of the sample that EG3D's own scripts draw for a seed, seen from the front.

    Args:
        generator: on any device; the planes are there too.
        seed: 0 to 2**32 - 1.
        truncation_psi: 1 takes the sample as it is, 0 the mean head.

    Raises:
        ValueError: the seed is outside that range.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed} is outside 0 to {2**32 - 1}; choose one inside")
    device = next(generator.parameters()).device
    z = torch.from_numpy(np.random.RandomState(seed).randn(1, generator.z_dim)).float().to(device)
    label = camera_label(orbit(0.0, 0.0, generator.rendering.avg_camera_radius), intrinsics_matrix()).to(device)
    return generator.planes(generator.mapping(z, label, truncation_psi))
