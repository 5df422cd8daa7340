"""The rays of all pixels of a camera."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.cameras.intrinsics import at_unit_depth, pixel_centres


def sample_rays(camera_to_world: Tensor, intrinsics: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """One ray through the middle of each pixel, row after row.

    Args:
        camera_to_world: [N, 4, 4], OpenCV axes (x right, y down, z forward).
        intrinsics: [N, 3, 3], normalised by the size of the image.
        resolution: pixels along each side, r.

    Returns:
        origins [N, r*r, 3] and unit directions [N, r*r, 3], both in world coordinates.
    """
    towards_pixel = at_unit_depth(intrinsics, pixel_centres(resolution, resolution, intrinsics).flatten(0, 1))
    directions = F.normalize(towards_pixel @ camera_to_world[:, :3, :3].mT, dim=-1)
    origins = camera_to_world[:, None, :3, 3].expand_as(directions)
    return origins, directions
