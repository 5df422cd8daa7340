"""Letters on pictures: a font that has the signs of methods' names, such as †, at any size."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont


@lru_cache(maxsize=8)
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def shortened(text: str, letters: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, cut with an ellipsis where it would be wider than ``width`` pixels."""
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def broken(text: str, letters: ImageFont.FreeTypeFont, width: float, most: int) -> list[str]:
    """The text in at most ``most`` lines of ``width`` pixels; what does not fit is cut with an ellipsis."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most - 1:
        taken = 1
        while taken < len(words) and letters.getlength(" ".join(words[: taken + 1])) <= width:
            taken += 1
        lines.append(shortened(" ".join(words[:taken]), letters, width))
        words = words[taken:]
    return [*lines, shortened(" ".join(words), letters, width)] if words else lines
