"""The engine without any other process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gan3dinv_ns.experiments.engine import Outcome, R, T, Worker, attempt


@dataclass(frozen=True)
class LocalEngine:
    """Does one task after the other in this process, with all its cores or its GPU.

    There is no pool of processes here: on one machine, too, :class:`~gan3dinv_ns.experiments.ray_engine.RayEngine`
    has one, which survives the death of a worker.
    """

    def describe(self) -> str:
        """See :class:`~gan3dinv_ns.experiments.engine.Engine`."""
        return "this process, one task after the other"

    def run(self, make_worker: Callable[[], Worker[T, R]], tasks: Sequence[T]) -> Iterator[Outcome[T, R]]:
        """See :class:`~gan3dinv_ns.experiments.engine.Engine`; errors of `make_worker` pass unchanged."""
        if not tasks:
            return
        worker = make_worker()
        for task in tasks:
            yield Outcome(task, *attempt(worker, task))
