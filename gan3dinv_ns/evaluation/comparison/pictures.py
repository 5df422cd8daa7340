"""The strip of pictures that is kept of a method and a photo."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from gan3dinv_ns.evaluation.comparison.lettering import broken, font, shortened
from gan3dinv_ns.evaluation.contact_sheet import picture_strip

SIDE = 128
"""Of one picture of a strip, pixels."""
SHEET_SIDE = 96
"""Of the same picture on a sheet, where captions stay as large as they are."""
CAPTION_HEIGHT = 16
"""Of the line above the pictures, pixels."""


def method_strip(pictures: Mapping[str, Tensor]) -> Image.Image:
    """Pictures side by side with captions above.

    Args:
        pictures: ``[1, 3, H, W]`` each in [-1, 1], by caption; by custom the photo, the result, truth and result
            turned to the left and to the right where the truth is known, and the depths.
    """
    plain = picture_strip(list(pictures.values()), SIDE)
    strip = Image.new("RGB", (plain.width, CAPTION_HEIGHT + plain.height), "white")
    strip.paste(plain, (0, CAPTION_HEIGHT))
    draw, letters = ImageDraw.Draw(strip), font(11)
    for column, caption in enumerate(pictures):
        draw.text((column * SIDE + 3, 1), shortened(caption, letters, SHEET_SIDE - 6), fill="black", font=letters)
    return strip


def failure_strip(error: str) -> Image.Image:
    """What stands for the strip of a photo without pictures."""
    strip = Image.new("RGB", (4 * SIDE, CAPTION_HEIGHT + SIDE), "white")
    draw, letters = ImageDraw.Draw(strip), font(13)
    draw.rectangle((1, CAPTION_HEIGHT + 1, strip.width - 2, strip.height - 2), outline="firebrick", width=1)
    text = "\n".join(["no pictures:", *broken(error, letters, strip.width - 24, 5)])
    draw.multiline_text((12, CAPTION_HEIGHT + 10), text, fill="firebrick", font=letters)
    return strip


def depth_picture(depth: Tensor, solid: Tensor, span: tuple[float, float]) -> Tensor:
    """A picture ``[1, 3, r, r]`` in [-1, 1]: light at the near end of ``span``, dark at the far end, else white.

    Args:
        depth: ``[1, 1, r, r]``, box units.
        solid: ``[1, 1, r, r]`` flags: where there is a head.
        span: nearest and farthest depth; of pictures to be compared the same, see :func:`depth_span`.
    """
    near, far = span
    # Nothing solid is as white as the background.
    level = 0.8 - 1.7 * ((depth.float() - near) / max(far - near, 1e-6)).clamp(0, 1)
    return torch.where(solid, level, torch.ones((), device=level.device)).expand(-1, 3, -1, -1)


def depth_span(depth: Tensor, solid: Tensor) -> tuple[float, float]:
    """Nearest and farthest depths where ``solid``, both ``[1, 1, r, r]``, but for two percent at either end."""
    depths = depth[solid].float()
    if not len(depths):
        return 0.0, 1.0
    low, high = torch.quantile(depths, torch.tensor([0.02, 0.98], device=depths.device))
    return float(low), float(high)
