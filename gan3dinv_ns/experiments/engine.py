"""Engines carry independent tasks: in this process (`local_engine`) or by Ray on any number of machines (`ray_engine`).

A worker is built once in every process that works (it loads the networks) and is then called with one task after the
other. Results come back to the process that asked, in the order in which they are ready, so workers need no disk in
common: who iterates over the outcomes writes them, and shows the progress.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from gan3dinv_ns.ops.atomic_files import FileWriteError

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Worker(Protocol[T_contra, R_co]):
    """What does a task; any exception it raises concerns this task alone."""

    def __call__(self, task: T_contra) -> R_co:
        """The result of one task."""
        ...


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What became of a task.

    Attributes:
        task: as it was given.
        result: what the worker returned; None where there is an error.
        error: "" or one line.
    """

    task: T
    result: R | None
    error: str


class Engine(Protocol):
    """What carries tasks."""

    def describe(self) -> str:
        """One line about who works, such as "Ray: 2 workers of 1 core each on 1 node".

        Raises:
            ValueError: there is nobody who could work; one line.
        """
        ...

    def run(self, make_worker: Callable[[], Worker[T, R]], tasks: Sequence[T]) -> Iterator[Outcome[T, R]]:
        """Does all tasks; gives each exactly once, as soon as it is done.

        Closing the iterator, or an interruption, ends all work; outcomes that came before are complete.

        Args:
            make_worker: builds a worker, in the process where it will work. Engines with several processes pickle it
                and the tasks: a frozen dataclass with `__call__`, at the top level of a module, is right.
            tasks: in the order in which they are begun.

        Raises:
            ValueError: no worker can be built; one line.
        """
        ...


def attempt(worker: Worker[T, R], task: T) -> tuple[R | None, str]:
    """Result and error of a task, as in :class:`Outcome`; only interruptions pass through."""
    try:
        return worker(task), ""
    except Exception as error:
        return None, error_line(error)


def error_line(error: Exception) -> str:
    """One line about an error: the message where it was written for users, else also its kind and where it arose."""
    message = " ".join(str(error).split())
    if message and isinstance(error, (ValueError, FileWriteError)):
        return message
    place = ""
    if frames := traceback.extract_tb(error.__traceback__):
        place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}"
    return f"{type(error).__name__}{place}: {message}".rstrip(": ")
