"""Claims about the paired test, against published examples, scipy, and arithmetic by hand."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest
from scipy import stats

from gan3dinv_ns.evaluation.comparison.paired_test import (
    PairedTest,
    compare_with,
    fewest_photos,
    holm,
    mean_interval,
    signed_rank_p,
)


def test_p_is_that_of_darwins_maize() -> None:
    """Crossed and self-fertilised plants, 15 pairs (Fisher 1935): the signed-rank statistic is 24, p = 0.041."""
    differences = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    ranks = stats.rankdata(abs(differences))
    assert ranks[differences < 0].sum() == 24
    assert signed_rank_p(differences) == pytest.approx(0.0413, abs=1e-4)


def test_p_counts_all_patterns_of_signs() -> None:
    differences = np.array([0.3, -0.1, 0.9, 1.7, -0.2, 2.3, 1.1])
    ranks = stats.rankdata(abs(differences))
    sums = np.array([np.dot(signs, ranks) for signs in product((0, 1), repeat=7)])
    seen = ranks[differences < 0].sum()
    assert signed_rank_p(differences) == pytest.approx(2 * (sums <= seen).mean())


def test_equal_values_say_nothing() -> None:
    assert signed_rank_p(np.zeros(8)) == 1.0
    few = np.array([0.0] * 5 + [1.0, 2.0, 4.0])
    assert signed_rank_p(few) == pytest.approx(0.25), "three photos that changed, all up"


def test_holm_by_hand() -> None:
    # Sorted: 0.005 x 4 = 0.02, 0.01 x 3 = 0.03, 0.03 x 2 = 0.06, and 0.04 x 1, which must not be below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([0.03]) == [0.03] and holm([]) == []


def test_the_interval_of_many_values_is_that_of_students_t() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400)
    wanted = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx(wanted, abs=0.03)


def test_the_interval_is_the_same_at_every_call_and_moves_with_the_values() -> None:
    values = np.random.default_rng(2).exponential(1, 30)
    low, high = mean_interval(values)
    assert mean_interval(values) == (low, high)
    assert mean_interval(values + 5) == pytest.approx((low + 5, high + 5))
    assert low < values.mean() < high


def test_a_clear_difference_is_real_and_noise_is_not() -> None:
    random = np.random.default_rng(3)
    reference = random.normal(20, 3, 20)
    clear, noise = reference - 1 + random.normal(0, 0.5, 20), reference + random.normal(0, 0.5, 20)
    tests = compare_with(reference, {"clear": clear, "noise": noise})
    assert tests["clear"].is_real and not tests["noise"].is_real
    assert tests["clear"].difference == pytest.approx((clear - reference).mean())
    assert tests["clear"].p == stats.wilcoxon(clear, reference).pvalue
    assert [one.p_holm for one in tests.values()] == pytest.approx(holm([one.p for one in tests.values()]))


def test_noise_of_many_methods_is_rarely_taken_for_a_difference() -> None:
    random, wrong = np.random.default_rng(4), 0
    for _ in range(100):
        others = {str(i): random.normal(size=12) for i in range(5)}
        wrong += any(test.is_real for test in compare_with(np.zeros(12), others).values())
    assert wrong <= 10, "at most about 5 of 100 experiments may tell a difference that is none"


def test_fewer_than_six_photos_are_too_few() -> None:
    test = compare_with(np.zeros(5), {"a": np.ones(5)})["a"]
    assert test == PairedTest(5, 1.0) and not test.is_real
    assert compare_with(np.zeros(6), {"a": np.arange(1.0, 7)})["a"].p == pytest.approx(0.03125)


@pytest.mark.parametrize("values", (np.full(9, 2.0), np.zeros(9), np.array([0.0] * 8 + [1.0])))
def test_values_that_hardly_vary_raise_no_warning(values: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare_with(np.zeros(9), {"a": values})


def test_a_significant_p_alone_is_not_enough() -> None:
    assert not PairedTest(9, 0.1, -0.1, 0.3, 0.01, 0.01).is_real
    assert not PairedTest(9, 0.1, 0.05, 0.3, 0.06, 0.06).is_real
    assert PairedTest(9, -0.1, -0.2, -0.05, 0.01, 0.01).is_real


@pytest.mark.parametrize("methods", [1, 2, 4, 10])
def test_the_fewest_photos_are_those_with_which_the_clearest_difference_is_real(methods: int) -> None:
    fewest = fewest_photos(methods)
    for photos, decided in ((fewest, True), (fewest - 1, False)):
        reference = np.zeros(photos)
        clear = np.arange(1, photos + 1) / 10
        tests = compare_with(reference, {str(number): clear + number for number in range(methods)})
        assert all(test.is_real == decided for test in tests.values())
