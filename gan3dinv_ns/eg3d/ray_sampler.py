"""The rays of all pixels of a camera."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_rays(camera_to_world: Tensor, intrinsics: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """One ray through the middle of each pixel, row after row.

    Args:
        camera_to_world: [N, 4, 4], OpenCV axes (x right, y down, z forward).
        intrinsics: [N, 3, 3], normalised by the size of the image.
        resolution: pixels along each side, r.

    Returns:
        origins [N, r*r, 3] and unit directions [N, r*r, 3], both in world coordinates.
    """
    centres = (torch.arange(resolution, dtype=intrinsics.dtype, device=intrinsics.device) + 0.5) / resolution
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    fx, skew, cx = (intrinsics[:, 0, column, None] for column in range(3))
    fy, cy = intrinsics[:, 1, 1, None], intrinsics[:, 1, 2, None]
    y = (v.reshape(1, -1) - cy) / fy
    x = (u.reshape(1, -1) - cx - skew * y) / fx
    towards_pixel = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    directions = F.normalize(towards_pixel @ camera_to_world[:, :3, :3].transpose(1, 2), dim=-1)
    origins = camera_to_world[:, None, :3, 3].expand_as(directions)
    return origins, directions
