"""Plans are those that one makes by hand."""

from __future__ import annotations

import pytest

from gan3dinv_ns.experiments.cost import Fleet, Measured, cost_text, estimate_cost


def test_one_worker_takes_the_sum_of_all_seconds() -> None:
    cost = estimate_cost(100, {"sg2": Measured(36, 1000), "ours": Measured(72, 3000)}, Fleet(1, "core", 0.5))
    assert cost.hours == pytest.approx(3.0)
    assert cost.worker_hours == pytest.approx({"sg2": 1.0, "ours": 2.0})
    assert cost.cost == pytest.approx(1.5)
    assert cost.bytes_kept == {"sg2": 100_000, "ours": 300_000}


def test_many_workers_share_the_work_and_wait_for_the_last_task() -> None:
    # 30,000 x 48 s are 400 GPU hours, 6.25 h on each of 64; the last photo adds 63/64 of its 48 s: 47.25 s, 0.013125 h.
    cost = estimate_cost(30_000, {"ours": Measured(48, 2e6)}, Fleet(64, "GPU", 2.0))
    assert cost.hours == pytest.approx(6.25 + 0.013125)
    assert cost.cost == pytest.approx(64 * 2 * 6.263125)


def test_a_fleet_larger_than_the_work_does_not_end_before_the_longest_task() -> None:
    cost = estimate_cost(1, {"fast": Measured(10, 0), "slow": Measured(3600, 0)}, Fleet(1000, "GPU", 1.0))
    assert 1.0 <= cost.hours < 1.001


def test_loading_is_paid_once_by_every_worker() -> None:
    cost = estimate_cost(100, {"ours": Measured(36, 0)}, Fleet(1, "GPU", 1.0, start_seconds=360))
    assert cost.hours == pytest.approx(1.1)


def test_the_text_has_the_totals_and_a_line_for_each_method() -> None:
    methods = {"sg2": Measured(12, 1e6), "ours": Measured(48, 2.5e6)}
    lines = cost_text(estimate_cost(30_000, methods, Fleet(64, "GPU", 2.5))).splitlines()
    # 100 h and 400 h of work are 7.8125 h on each of 64, and 47.25 s; 64 x 2.5 x 7.825625 is 1252.1.
    assert lines[0] == (
        "30,000 photos by 2 methods on 64 GPUs: 7.83 hours, 1,252 USD at 2.50 per GPU and hour, 105 GB kept."
    )
    assert lines[2] == "| method | seconds per photo | GPU hours | kept |"
    assert lines[4:] == ["| sg2 | 12.0 | 100 | 30.0 GB |", "| ours | 48.0 | 400 | 75.0 GB |"]


@pytest.mark.parametrize(
    ("photos", "method", "fleet", "said"),
    [
        (0, Measured(1, 1), Fleet(1, "GPU", 1), "photos must be at least 1, not 0"),
        (1, Measured(0, 1), Fleet(1, "GPU", 1), "ours: the seconds of a photo must be above 0, not 0"),
        (1, Measured(float("nan"), 1), Fleet(1, "GPU", 1), "not nan"),
        (1, Measured(1, -1), Fleet(1, "GPU", 1), "bytes of a photo must be at least 0, not -1"),
        (1, Measured(1, 1), Fleet(0, "GPU", 1), "workers must be at least 1, not 0"),
        (1, Measured(1, 1), Fleet(1, "GPU", -2), "price per hour must be at least 0, not -2"),
        (1, Measured(1, 1), Fleet(1, "GPU", 1, -3), "seconds to start must be at least 0, not -3"),
    ],
)
def test_numbers_that_cannot_be_are_named(photos: int, method: Measured, fleet: Fleet, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        estimate_cost(photos, {"ours": method}, fleet)


def test_a_plan_needs_a_method() -> None:
    with pytest.raises(ValueError, match="at least one method"):
        estimate_cost(1, {}, Fleet(1, "GPU", 1))
