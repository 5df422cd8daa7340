"""Pages of strips: the photos with which a method did worst, and those with which methods failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

from gan3dinv_ns.evaluation.comparison.lettering import font, shortened
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.comparison.pictures import CAPTION_HEIGHT, SHEET_SIDE
from gan3dinv_ns.evaluation.comparison.selection import Selection

MOST_PHOTOS = 12
MOST_STRIPS = 90
"""Of all photos and methods together; more make a page that nobody looks through."""
MOST_FAILURES = 24
_HEAD, _GAP = 24, 14
_LABEL_WIDTH = 132
_LEAST_WIDTH = _LABEL_WIDTH + 5 * SHEET_SIDE


@dataclass(frozen=True)
class Line:
    """One strip of a block: two lines of text, and where the picture is."""

    title: str
    remark: str
    picture: Path


@dataclass(frozen=True)
class Block:
    """Strips below each other, under one heading."""

    heading: str
    lines: tuple[Line, ...]


def worst_first(selection: Selection, metric: Metric, reference: str) -> list[str]:
    """Names of the photos, from the worst to the best of the reference; those without the figure come last."""

    def key(row_and_photo: tuple[Mapping[str, float], str]) -> tuple[bool, float]:
        figures, _ = row_and_photo
        value = figures.get(metric.name)
        return value is None, 0.0 if value is None else value * (1 if metric.better == "higher" else -1)

    figures = [row.figures for row in selection.rows[reference]]
    return [photo for _, photo in sorted(zip(figures, selection.photos, strict=True), key=key)]


def sheet(blocks: Sequence[Block]) -> Image.Image:
    """A page of blocks, two beside each other if there are more than four; read from left to right.

    Args:
        blocks: at least one.

    Raises:
        ValueError: a picture cannot be read.
    """
    drawn = [_drawn(block) for block in blocks]
    columns = 2 if len(drawn) > 4 else 1
    width = max(one.width for one in drawn)
    rows = [drawn[i : i + columns] for i in range(0, len(drawn), columns)]
    heights = [max(one.height for one in row) + _GAP for row in rows]
    page = Image.new("RGB", (columns * (width + _GAP) - _GAP, sum(heights)), "white")
    for number, row in enumerate(rows):
        for column, one in enumerate(row):
            page.paste(one, (column * (width + _GAP), sum(heights[:number])))
    return page


def _drawn(block: Block) -> Image.Image:
    strips = [_strip(line.picture) for line in block.lines]
    # The captions once, as long as they stay the same.
    bare = [strips[0], *(_without_same_captions(one, before) for before, one in pairwise(strips))]
    width = max(_LEAST_WIDTH, *(_LABEL_WIDTH + strip.width for strip in bare))
    page = Image.new("RGB", (width, _HEAD + sum(strip.height for strip in bare)), "white")
    draw, letters, small = ImageDraw.Draw(page), font(12), font(10)
    draw.rectangle((0, 0, width, _HEAD - 4), fill="#e8e8e8")
    draw.text((5, 2), shortened(block.heading, font(13, bold=True), width - 10), fill="black", font=font(13, bold=True))
    top = _HEAD
    for line, strip in zip(block.lines, bare, strict=True):
        page.paste(strip, (_LABEL_WIDTH, top))
        base = top + strip.height - SHEET_SIDE
        draw.text((5, base + 4), shortened(line.title, letters, _LABEL_WIDTH - 10), fill="black", font=letters)
        draw.text((5, base + 22), shortened(line.remark, small, _LABEL_WIDTH - 10), fill="#555555", font=small)
        top += strip.height
    return page


def _strip(path: Path) -> Image.Image:
    """A strip with its pictures reduced, and its captions as they are."""
    try:
        with Image.open(path) as file:
            strip = file.convert("RGB")
    except OSError:
        raise ValueError(f"{path} is damaged; remove it, and its photo is done again") from None
    side = strip.height - CAPTION_HEIGHT
    count = strip.width // side
    small = Image.new("RGB", (count * SHEET_SIDE, CAPTION_HEIGHT + SHEET_SIDE), "white")
    pictures = strip.crop((0, CAPTION_HEIGHT, count * side, strip.height))
    small.paste(pictures.resize((count * SHEET_SIDE, SHEET_SIDE), Image.Resampling.LANCZOS), (0, CAPTION_HEIGHT))
    for column in range(count):
        caption = strip.crop((column * side, 0, column * side + SHEET_SIDE, CAPTION_HEIGHT))
        small.paste(caption, (column * SHEET_SIDE, 0))
    return small


def _without_same_captions(strip: Image.Image, before: Image.Image) -> Image.Image:
    captions = [one.crop((0, 0, one.width, CAPTION_HEIGHT)) for one in (strip, before)]
    same = captions[0].size == captions[1].size and captions[0].tobytes() == captions[1].tobytes()
    return strip.crop((0, CAPTION_HEIGHT, strip.width, strip.height)) if same else strip
