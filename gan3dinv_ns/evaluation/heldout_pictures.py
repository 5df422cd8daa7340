"""The strip of pictures that is kept of each held-out head."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from gan3dinv_ns.evaluation.contact_sheet import picture_strip
from gan3dinv_ns.evaluation.heldout import DepthMap, MeasuredHead

CAPTIONS = (
    "photo",
    "reconstruction",
    "true, left",
    "found, left",
    "true, right",
    "found, right",
    "true depth",
    "found depth",
)


def head_strip(head: MeasuredHead) -> Image.Image:
    """The pictures of ``CAPTIONS`` side by side; both depths in the grey levels of the true one."""
    span = _span(head.true_depth)
    depths = [depth_picture(one, span) for one in (head.true_depth, head.found_depth)]
    return picture_strip([*head.pictures, *depths])


def depth_picture(seen: DepthMap, span: tuple[float, float]) -> Tensor:
    """A picture ``[1, 3, r, r]`` in [-1, 1]: light at the near end of ``span``, dark at the far end, else white."""
    near, far = span
    # Nothing solid is as white as the background.
    level = 0.8 - 1.7 * ((seen.depth - near) / max(far - near, 1e-6)).clamp(0, 1)
    return torch.where(seen.solid, level, torch.ones(())).expand(-1, 3, -1, -1)


def _span(seen: DepthMap) -> tuple[float, float]:
    """Nearest and farthest depths, but for two percent at either end."""
    depths = seen.depth[seen.solid].float()
    if not len(depths):
        return 0.0, 1.0
    low, high = torch.quantile(depths, torch.tensor([0.02, 0.98]))
    return float(low), float(high)
