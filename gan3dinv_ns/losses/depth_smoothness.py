"""Depth smoothness: neighbouring pixels of a rendering should lie at similar depths.

Source: Niemeyer et al., "RegNeRF", CVPR 2022, eq. (4), there on small patches of unseen views; Ko et al.
apply it to the rendered depth during pivotal tuning (Algorithm 1, "DR"), which keeps the shape while the
weights fit one photo.
"""

from __future__ import annotations

from torch import Tensor


def depth_smoothness(depth: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean square difference of the depth d of vertical and horizontal neighbours, weighted by both
    opacities.

        sum_ij o_ij o_i+1,j (d_ij - d_i+1,j)^2 + o_ij o_i,j+1 (d_ij - d_i,j+1)^2  over the sum of the o o

    Args:
        depth: ``[N, 1, H, W]``, box units.
        weights: opacities o ``[N, 1, H, W]`` in [0, 1]; without them every pixel counts. With them the step
            from the head to the background is not smoothed away. No gradient flows into them.

    Returns:
        a number in square box units, at least 0; 0 for a constant depth.
    """
    down = (depth[:, :, 1:] - depth[:, :, :-1]).square()
    right = (depth[:, :, :, 1:] - depth[:, :, :, :-1]).square()
    if weights is None:
        return down.mean() + right.mean()
    solid = weights.detach()
    both_down = solid[:, :, 1:] * solid[:, :, :-1]
    both_right = solid[:, :, :, 1:] * solid[:, :, :, :-1]
    total = (both_down * down).sum() + (both_right * right).sum()
    return total / (both_down.sum() + both_right.sum()).clamp_min(1.0) * 2.0
