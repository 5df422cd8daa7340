"""What it takes to run experiments on many photos: hours, money and storage, from what was measured on a few."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder

_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Measured:
    """What one photo takes by one method.

    Attributes:
        seconds: of one worker, means over the photos measured.
        bytes_kept: of all files that stay.
    """

    seconds: float
    bytes_kept: float


@dataclass(frozen=True)
class Fleet:
    """Workers that are rented together, from the start to the last result.

    Attributes:
        workers: how many.
        kind: one of them, such as "GPU" or "core group".
        price_per_hour: of one worker.
        start_seconds: of a worker until its networks are loaded.
    """

    workers: int
    kind: str
    price_per_hour: float
    start_seconds: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What it will take.

    Attributes:
        photos, fleet, methods: what was asked for; `methods` by name.
        hours: from the start to the last result, at most.
        worker_hours: of work, by method.
        cost: of the whole fleet for `hours`, in the currency of its price.
        bytes_kept: by method.
    """

    photos: int
    fleet: Fleet
    methods: tuple[str, ...]
    hours: float
    worker_hours: dict[str, float]
    cost: float
    bytes_kept: dict[str, float]


def measured_in(folder: ExperimentFolder) -> dict[str, Measured]:
    """Means over the photos of an experiment's folder, by method; without methods that have no seconds.

    Raises:
        ValueError: a row is damaged.
    """
    measured = {}
    for method in folder.experiment.methods:
        rows = [row for row in folder.rows(method) if "seconds" in row.figures]
        if rows:
            files = [path(method, row.photo) for row in rows for path in (folder.row_path, folder.picture_path)]
            kept = sum(file.stat().st_size for file in files) / len(rows)
            measured[method] = Measured(statistics.fmean(row.figures["seconds"] for row in rows), kept)
    return measured


def estimate_cost(photos: int, methods: Mapping[str, Measured], fleet: Fleet) -> Cost:
    """What every method on every photo takes.

    Workers take the next task when they are free. However the tasks are ordered, the last one is then done after at
    most `work / m + (1 - 1 / m) longest` (Graham, "Bounds for certain multiprocessing anomalies", 1966), with m
    workers and the mean seconds of the slowest method as the longest task; photos of one method take about the same.

    Raises:
        ValueError: a number cannot be, or there are no methods.
    """
    _check(photos, methods, fleet)
    worker_hours = {name: photos * method.seconds / _SECONDS_PER_HOUR for name, method in methods.items()}
    longest = max(method.seconds for method in methods.values()) / _SECONDS_PER_HOUR
    share = 1 / fleet.workers
    start = fleet.start_seconds / _SECONDS_PER_HOUR
    hours = start + share * sum(worker_hours.values()) + (1 - share) * longest
    cost = hours * fleet.workers * fleet.price_per_hour
    kept = {name: photos * method.bytes_kept for name, method in methods.items()}
    return Cost(photos, fleet, tuple(methods), hours, worker_hours, cost, kept)


def cost_text(cost: Cost, currency: str = "USD") -> str:
    """A sentence with the totals, and a Markdown table with a line for each method."""
    fleet = cost.fleet
    methods = f"{len(cost.methods)} methods" if len(cost.methods) > 1 else cost.methods[0]
    workers = f"{fleet.workers:,} {fleet.kind}{'s' if fleet.workers > 1 else ''}"
    lines = [
        f"{cost.photos:,} photos by {methods} on {workers}: {_significant(cost.hours)} hours, "
        f"{_significant(cost.cost)} {currency} at {fleet.price_per_hour:.2f} per {fleet.kind} and hour, "
        f"{_size(sum(cost.bytes_kept.values()))} kept.",
        "",
        f"| method | seconds per photo | {fleet.kind} hours | kept |",
        "| --- | --- | --- | --- |",
    ]
    for name in cost.methods:
        hours = cost.worker_hours[name]
        seconds = hours * _SECONDS_PER_HOUR / cost.photos
        cells = (name, _significant(seconds), _significant(hours), _size(cost.bytes_kept[name]))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _check(photos: int, methods: Mapping[str, Measured], fleet: Fleet) -> None:
    if not methods:
        raise ValueError("an estimate needs at least one method with its seconds")
    counts = {"photos": photos, "workers": fleet.workers}
    for what, count in counts.items():
        if count < 1:
            raise ValueError(f"the number of {what} must be at least 1, not {count}")
    for name, method in methods.items():
        if not (math.isfinite(method.seconds) and method.seconds > 0):
            raise ValueError(f"{name}: the seconds of a photo must be above 0, not {method.seconds}")
        if not (math.isfinite(method.bytes_kept) and method.bytes_kept >= 0):
            raise ValueError(f"{name}: the bytes of a photo must be at least 0, not {method.bytes_kept}")
    for what, value in (("price per hour", fleet.price_per_hour), ("seconds to start", fleet.start_seconds)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"the {what} must be at least 0, not {value}")


def _significant(value: float) -> str:
    """Three digits, or all before the point."""
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def _size(count: float) -> str:
    """Bytes in the largest decimal unit that keeps a digit before the point."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{_significant(count / size)} {unit}"
    return f"{count:.0f} bytes"
