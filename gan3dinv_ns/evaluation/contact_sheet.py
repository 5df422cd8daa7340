"""Many small pictures on one page, in rows, with a caption over each column."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw
from torch import Tensor

_CAPTION_HEIGHT = 20
_LABEL_WIDTH = 72


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
    return _sheet(captions, [picture_strip(pictures, side) for pictures in rows], side, 0)


def picture_strip(pictures: Sequence[Tensor], side: int = 128) -> Image.Image:
    """Pictures [1, 3, H, W] in [-1, 1] side by side, each scaled to ``side`` pixels."""
    strip = Image.new("RGB", (side * len(pictures), side), "white")
    for column, picture in enumerate(pictures):
        strip.paste(_as_image(picture).resize((side, side), Image.Resampling.BICUBIC), (column * side, 0))
    return strip


def sheet_of_strips(captions: Sequence[str], labels: Sequence[str], strips: Sequence[Image.Image]) -> Image.Image:
    """Lays out strips from :func:`picture_strip`, of one size, below each other.

    Args:
        captions: one for each column.
        labels: one for each strip, written before it; may have several lines.
        strips: at least one.
    """
    sheet = _sheet(captions, strips, strips[0].height, _LABEL_WIDTH)
    draw = ImageDraw.Draw(sheet)
    for row, label in enumerate(labels):
        draw.text((4, _CAPTION_HEIGHT + row * strips[0].height + 4), label, fill="black")
    return sheet


def _sheet(captions: Sequence[str], strips: Sequence[Image.Image], side: int, left: int) -> Image.Image:
    """Strips below each other, ``left`` pixels from the edge, with the captions above."""
    sheet = Image.new("RGB", (left + side * len(captions), side * len(strips) + _CAPTION_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        draw.text((left + column * side + 4, 4), caption, fill="black")
    for row, strip in enumerate(strips):
        sheet.paste(strip, (left, row * side + _CAPTION_HEIGHT))
    return sheet


def _as_image(picture: Tensor) -> Image.Image:
    values = ((picture[0].detach().float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return Image.fromarray(values.permute(1, 2, 0).cpu().numpy())
