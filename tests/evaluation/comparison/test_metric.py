"""Claims about how figures are shown."""

from __future__ import annotations

import pytest

from gan3dinv_ns.evaluation.comparison.metric import Metric

PSNR = Metric("psnr", "PSNR", "dB", "higher", 1)
LPIPS = Metric("lpips", "LPIPS", "", "lower", 3)


def test_heading_tells_unit_and_the_better_side() -> None:
    assert PSNR.heading == "PSNR [dB] ↑"
    assert LPIPS.heading == "LPIPS ↓"


@pytest.mark.parametrize(
    ("value", "plain", "signed"), ((2.345, "2.3", "+2.3"), (-2.345, "-2.3", "-2.3"), (-0.01, "0.0", "+0.0"))
)
def test_figures_are_rounded_and_zero_has_no_minus(value: float, plain: str, signed: str) -> None:
    assert PSNR.shown(value) == plain and PSNR.shown(value, sign=True) == signed


def test_better_is_higher_or_lower() -> None:
    assert PSNR.is_better(2, than=1) and not PSNR.is_better(1, than=1)
    assert LPIPS.is_better(1, than=2) and not LPIPS.is_better(2, than=2)


@pytest.mark.parametrize(("better", "digits"), (("more", 1), ("higher", -1), ("higher", 1.5)))
def test_a_metric_without_direction_or_digits_is_refused(better, digits) -> None:
    with pytest.raises(ValueError, match="metric 'm'"):
        Metric("m", "M", "", better, digits)
