"""The crop of a face that networks for aligned FFHQ pictures expect.

Source: Karras et al., "Progressive growing of GANs" (2018), appendix C; FFHQ (2019) is aligned in the same way. With
e the vector from eye to eye, m the one from between the eyes to between the corners of the mouth, and r(v) = (-v_y,
v_x) a quarter of a turn, half of the crop's side is x = s d / |d|, d = e - r(m), s = max(2 |e|, 1.8 |m|), and the crop
has its centre 0.1 m below the eyes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gan3dinv_ns.photo import Face

_EYE_SHARE, _MOUTH_SHARE, _DOWN = 2.0, 1.8, 0.1
_FINER = 2
"""Samples for each pixel and direction, so that a larger face does not alias."""


def ffhq_crop(pictures: Tensor, face: Face, side: int) -> Tensor:
    """The same upright square of all pictures; beyond their borders they are mirrored.

    Args:
        pictures: ``[N, 3, H, W]`` in [-1, 1].
        face: where it is in all of them, in pixels.
        side: of the result.

    Returns:
        ``[N, 3, side, side]`` in [-1, 1].
    """
    left_eye, right_eye, _, left_mouth, right_mouth = face.landmarks()
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    across, down = right_eye - left_eye, mouth - eyes
    x = across - _quarter_turn(down)
    x = x / x.norm() * max(_EYE_SHARE * float(across.norm()), _MOUTH_SHARE * float(down.norm()))
    centre = eyes + _DOWN * down
    # A crop's place (u, v) in [-1, 1] is the picture's centre + u x + v r(x), whose pixel p is size (q + 1) / 2.
    half = torch.tensor(pictures.shape[:-3:-1], dtype=torch.float64) / 2
    matrix = torch.stack([x, _quarter_turn(x)], dim=1) / half[:, None]
    theta = torch.cat([matrix, (centre / half - 1)[:, None]], dim=1)[None].to(pictures).expand(len(pictures), -1, -1)
    grid = F.affine_grid(theta, [len(pictures), 3, _FINER * side, _FINER * side], align_corners=False)
    fine = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    return F.avg_pool2d(fine, _FINER)


def _quarter_turn(vector: Tensor) -> Tensor:
    return torch.stack([-vector[1], vector[0]])
