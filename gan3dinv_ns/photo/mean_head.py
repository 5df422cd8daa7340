"""The mean head of a generator, from the front: what its own face looks like, where it is and where in space."""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator


def front_label(generator: Generator, focal: float = FOCAL) -> Tensor:
    """The label ``[1, 25]`` of the camera that looks at a generator's faces from the front."""
    label = camera_label(orbit(0.0, 0.0, generator.rendering.avg_camera_radius), intrinsics_matrix(focal))
    return label.to(generator.backbone.mapping.w_avg)


@torch.no_grad()
def mean_head(generator: Generator, focal: float = FOCAL) -> dict[str, Tensor]:
    """The rendering of the mean latent from the front, as from ``Generator.synthesis``; always the same."""
    w = generator.backbone.mapping.w_avg.expand(1, generator.num_ws, -1)
    rendered = generator.synthesis(w, front_label(generator, focal), sampling="midpoint")
    return {name: value.float().cpu() for name, value in rendered.items()}
