"""Whether two methods differ by more than noise, judged from the same photos.

The differences d_i = method_i - reference_i of N photos have a mean, whose 95 % confidence interval is that of the
percentile bootstrap over photos, and Wilcoxon's signed-rank test (1945) asks whether they lie symmetrically around 0.
M methods that are compared with one reference give M chances to be wrong: with p_(1) <= ... <= p_(M), Holm's (1979)
adjusted values are max over j <= i of min(1, (M - j + 1) p_(j)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_PHOTOS = 6
"""Below it no pattern of signs is rarer than 5 %: 2 / 2^5 = 0.0625."""
LEVEL = 0.05
_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class PairedTest:
    """A method's values against those of a reference.

    Attributes:
        photos: their number N.
        difference: mean of method - reference.
        low, high: 95 % confidence interval of the mean difference; None with too few photos.
        p: two-sided, of the signed-rank test; None with too few photos.
        p_holm: corrected for all methods that were tested together.
        fewest: with fewer photos no corrected p could be below 0.05.
    """

    photos: int
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    fewest: int = FEWEST_PHOTOS

    @property
    def is_real(self) -> bool:
        """Whether the difference is no noise: the corrected p is below 0.05, and the interval does not hold 0."""
        if self.p_holm is None or self.low is None or self.high is None:
            return False
        return self.p_holm < LEVEL and (self.low > 0 or self.high < 0)


def compare_with(reference: np.ndarray, others: Mapping[str, np.ndarray]) -> dict[str, PairedTest]:
    """Compare methods with a reference.

    Args:
        reference: ``[N]``, N at least 1, one value for each photo.
        others: ``[N]`` each, of the same photos, by method.
    """
    photos = len(reference)
    differences = {name: values - reference for name, values in others.items()}
    if photos < FEWEST_PHOTOS:
        return {name: PairedTest(photos, float(one.mean())) for name, one in differences.items()}
    p_values = [signed_rank_p(one) for one in differences.values()]
    tests = {}
    for (name, one), p, p_holm in zip(differences.items(), p_values, holm(p_values), strict=True):
        tests[name] = PairedTest(photos, float(one.mean()), *mean_interval(one), p, p_holm, fewest_photos(len(others)))
    return tests


def fewest_photos(comparisons: int) -> int:
    """The smallest N with M 2 / 2^N < 0.05: below it even equal signs of all differences decide nothing.

    Args:
        comparisons: M, at least 1.
    """
    return 1 + math.ceil(math.log2(comparisons / LEVEL))


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of ``[N]``; the same at every call."""
    from scipy.stats import bootstrap

    random = np.random.Generator(np.random.PCG64(_SEED))
    # Many photos at once would need gigabytes.
    batch = max(1, 4_000_000 // len(values))
    found = bootstrap((values,), np.mean, n_resamples=_RESAMPLES, batch=batch, method="percentile", rng=random)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test of ``[N]``; zeros are left out, all zeros give 1."""
    from scipy.stats import wilcoxon

    changed = differences[differences != 0]
    return float(wilcoxon(changed).pvalue) if len(changed) else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the given order."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, np.asarray(p_values)[order] * factors))
    return adjusted.tolist()
