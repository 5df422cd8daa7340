"""What the trainings of the generator share: a clock instead of a number of steps, and a state to go on from."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch

from gan3dinv_ns.heads.training_data import TrainingData
from gan3dinv_ns.ops.atomic_files import atomic_path


class TimedTraining(ABC):
    """One run: its clock, and its state in ``folder``.

    A subclass builds its networks and then calls :meth:`_resume`.

    Args:
        data: packed heads.
        folder: where state and results go.
        minutes: time in all, that of steps only.
        save_minutes: time between two saves.
    """

    STATE: ClassVar[str]
    """Name of the file that holds the state."""
    NEWEST: ClassVar[float] = 0.05
    """Share of the newest step in the figures that are reported."""

    def __init__(self, data: TrainingData, folder: Path, minutes: float, save_minutes: float) -> None:
        self.data, self.folder = data, folder
        self.minutes, self.save_minutes = minutes, save_minutes
        self.elapsed, self.step = 0.0, 0

    @property
    def progress(self) -> float:
        """Part of the time that has passed, in [0, 1]."""
        return min(self.elapsed / (60 * self.minutes), 1.0)

    def _run_steps(self) -> dict[str, float]:
        """Train until the time has passed, reporting and saving now and then; gives the running figures."""
        last_save, figures = self.elapsed, dict[str, float]()
        while self.elapsed < 60 * self.minutes:
            began = time.monotonic()
            for name, value in self._train_step().items():
                figures[name] = (1 - self.NEWEST) * figures.get(name, value) + self.NEWEST * value
            self.elapsed += time.monotonic() - began
            self.step += 1
            if self.elapsed - last_save > 60 * self.save_minutes:
                last_save = self.elapsed
                self._report(figures)
                self._save()
        return figures

    @abstractmethod
    def _train_step(self) -> dict[str, float]:
        """One step; figures to be averaged for the report."""

    @abstractmethod
    def _report(self, figures: dict[str, float]) -> None:
        """Print one line of JSON."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """All that a stopped training needs besides its clock: tensors and plain data."""

    @abstractmethod
    def _take(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`_state` gave."""

    def _save(self) -> None:
        with atomic_path(self.folder / self.STATE) as temporary:
            torch.save({**self._state(), "elapsed": self.elapsed, "step": self.step}, temporary)

    def _resume(self) -> None:
        path = self.folder / self.STATE
        if not path.exists():
            return
        state = torch.load(path, map_location=self.data.device, weights_only=True)
        self._take(state)
        self.elapsed, self.step = state["elapsed"], state["step"]
        print(f"resumed at {self.elapsed / 60:.1f} of {self.minutes:.1f} minutes, step {self.step}")
