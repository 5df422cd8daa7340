"""`gan3dinv cost`: what an experiment on many photos will take, from what a few took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class EstimateCost:
    """Tell the hours, the money and the storage of an experiment on many photos, from what was measured on a few."""

    folder: tyro.conf.Positional[Path]
    """The --output-dir of gan3dinv evaluate."""
    photos: int = 30_000
    """Number of photos."""
    workers: int = 64
    """GPUs or groups of cores that work at the same time."""
    kind: str = "GPU"
    """What a worker is called."""
    price: float = 2.5
    """Of one worker for an hour."""
    currency: str = "USD"
    """Of the price."""

    def main(self) -> None:
        """Prints a sentence, and a line for each method.

        Raises:
            ValueError: there is no such experiment, or a number cannot be.
        """
        from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
        from gan3dinv_ns.experiments.cost import Fleet, cost_text, estimate_cost, measured_in

        measured = measured_in(ExperimentFolder.loaded(self.folder))
        fleet = Fleet(self.workers, self.kind, self.price)
        print(cost_text(estimate_cost(self.photos, measured, fleet), self.currency))
