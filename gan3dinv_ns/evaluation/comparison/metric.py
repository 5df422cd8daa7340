"""What a figure is called, in which unit it is, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A figure that is measured of every photo.

    Attributes:
        name: key in ``Row.figures``, such as "ms_ssim".
        title: heading, such as "MS-SSIM".
        unit: such as "dB", "degrees" or "box units"; "" of a plain number.
        better: which way is better.
        digits: behind the decimal point, where the figure is shown.

    Raises:
        ValueError: ``better`` or ``digits`` is none of those.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    digits: int

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower"):
            raise ValueError(f"metric {self.name!r}: better is {self.better!r}; choose 'higher' or 'lower'")
        if not isinstance(self.digits, int) or self.digits < 0:
            raise ValueError(f"metric {self.name!r}: {self.digits!r} digits; give a whole number from 0")

    @property
    def heading(self) -> str:
        """Title, unit and an arrow that points to the better side."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{self.title}{unit} {'↑' if self.better == 'higher' else '↓'}"

    def shown(self, value: float, sign: bool = False) -> str:
        """The figure rounded to ``digits``; with ``sign`` a plus before what is not negative."""
        text = f"{value:+.{self.digits}f}" if sign else f"{value:.{self.digits}f}"
        # No "-0.00", which is not smaller than 0.
        return text if float(text) != 0 else text.replace("-", "+" if sign else "")

    def is_better(self, value: float, than: float) -> bool:
        """Whether ``value`` lies on the better side of another one."""
        return value > than if self.better == "higher" else value < than
