"""Pictures that are rolled, scaled and moved.

Letters: p a place in the picture, in [-1, 1] with y down; R(r) turns by r, anticlockwise as it is looked at. What was
at p is shown at

    s R(r) p + 2 d.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def move_pictures(
    pictures: Tensor, roll_rad: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
) -> Tensor:
    """Pictures ``[N, C, S, S]``, rolled and scaled around their centre, then moved; borders are continued.

    Args:
        pictures: square ones.
        roll_rad: ``[N]`` r.
        scale: ``[N]`` s; None leaves it.
        shift: ``[N, 2]`` d to the right and down, as shares of the width; None leaves it.
    """
    cos, sin = roll_rad.cos(), roll_rad.sin()
    undo = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    if scale is not None:
        undo = undo / scale[:, None, None]
    back = torch.zeros_like(undo[:, :, :1]) if shift is None else -undo @ (2 * shift)[:, :, None]
    grid = F.affine_grid(torch.cat([undo, back], dim=2), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
