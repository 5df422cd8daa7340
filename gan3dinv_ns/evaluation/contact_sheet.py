"""Many small pictures on one page, in rows, with a caption over each column."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw
from torch import Tensor

_CAPTION_HEIGHT = 20


def contact_sheet(captions: Sequence[str], rows: Sequence[Sequence[Tensor]], side: int = 128) -> Image.Image:
    """Lays out pictures.

    Args:
        captions: one for each column.
        rows: each with as many pictures [1, 3, H, W] in [-1, 1] as there are columns.
        side: to which each picture is scaled, in pixels.

    Raises:
        ValueError: a row has another number of pictures than there are captions.
    """
    for row, pictures in enumerate(rows):
        if len(pictures) != len(captions):
            raise ValueError(f"row {row} has {len(pictures)} pictures for {len(captions)} captions")
    sheet = Image.new("RGB", (side * len(captions), side * len(rows) + _CAPTION_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        draw.text((column * side + 4, 4), caption, fill="black")
    for row, pictures in enumerate(rows):
        sheet.paste(picture_strip(pictures, side), (0, row * side + _CAPTION_HEIGHT))
    return sheet


def picture_strip(pictures: Sequence[Tensor], side: int = 128) -> Image.Image:
    """Pictures [1, 3, H, W] in [-1, 1] side by side, each scaled to ``side`` pixels."""
    strip = Image.new("RGB", (side * len(pictures), side), "white")
    for column, picture in enumerate(pictures):
        strip.paste(_as_image(picture).resize((side, side), Image.Resampling.BICUBIC), (column * side, 0))
    return strip


def _as_image(picture: Tensor) -> Image.Image:
    values = ((picture[0].detach().float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return Image.fromarray(values.permute(1, 2, 0).cpu().numpy())
