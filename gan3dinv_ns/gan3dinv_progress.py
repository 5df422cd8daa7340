"""Progress of a run on the console.

A live bar on a terminal, a line every few seconds in a pipe or a log file.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_LINES = 5.0
_SHOWN = 4


class TrainingProgress:
    """Shows phase, step, losses and the time left; a context manager.

    Args:
        console: where to.
        total_steps: of the whole schedule, at most.
        first_step: where this run begins.
    """

    def __init__(self, console: Console, total_steps: int, first_step: int = 0) -> None:
        self._console = console
        self._total = total_steps
        self._first = first_step
        self._began = time.monotonic()
        self._last_line = -_SECONDS_BETWEEN_LINES
        self._last_phase = ""
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.fields[phase]:8}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[losses]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=console,
                refresh_per_second=4,
            )
            self._task = self._bar.add_task(
                "", total=total_steps, completed=first_step, phase="start", losses="", left=""
            )

    def __enter__(self) -> TrainingProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, phase: str, metrics: Mapping[str, float], total_steps: int | None = None) -> str:
        """After a step: `done` steps of the schedule are finished.

        Args:
            done: number of steps.
            phase: of the last one.
            metrics: of the last one.
            total_steps: of the whole schedule, where that has changed.

        Returns:
            the status in one line, for the viewer's panel as well.
        """
        self._total = total_steps or self._total
        losses, left = losses_line(metrics), f"{readable_time(self.seconds_left(done))} left"
        line = f"{phase}: step {done} of {self._total}, {losses}, {left}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=self._total, phase=phase, losses=losses, left=left)
        elif self._due(phase) or done >= self._total:
            self._console.print(line, highlight=False, soft_wrap=True)
        return line

    def seconds_left(self, done: int) -> float:
        """Seconds that the remaining steps take at the mean speed of this run so far."""
        speed = (time.monotonic() - self._began) / max(1, done - self._first)
        return speed * max(0, self._total - done)

    def _due(self, phase: str) -> bool:
        now = time.monotonic()
        if phase == self._last_phase and now - self._last_line < _SECONDS_BETWEEN_LINES:
            return False
        self._last_phase, self._last_line = phase, now
        return True


INTERRUPTED = 130
"""Exit status of a program that ctrl-C ended."""


class Interrupt:
    """Within it, ctrl-C (SIGINT) and SIGTERM only raise a flag, so that the step in progress is finished.

    A second signal acts as usual. Outside of the main thread, which alone receives signals, it does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._handle)
            except ValueError:
                break
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, self._previous[number])


def losses_line(metrics: Mapping[str, float]) -> str:
    """The picture's quality first, then the losses by their short names, few enough for one line."""
    parts = [f"{metrics['psnr']:.2f} dB"] if "psnr" in metrics else []
    losses = {name.rsplit("/", 1)[-1]: value for name, value in metrics.items() if "/" in name}
    parts += [f"{name} {value:.4g}" for name, value in list(losses.items())[: _SHOWN - len(parts)]]
    return ", ".join(parts)


def readable_time(seconds: float) -> str:
    """ "42 s", "3 min 05 s" or "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
