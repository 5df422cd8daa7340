"""The engine that spreads tasks over the GPUs or cores of a Ray cluster, of one machine or many.

Each worker is an actor, a process of its own. Ray would restart actors and repeat calls by itself, but without a
limit for one task: a photo that kills its worker would keep the others waiting. So who works on what is kept here.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic

from gan3dinv_ns.experiments.engine import Outcome, R, T, Worker, attempt, error_line
from gan3dinv_ns.experiments.ray_cluster import connect, has_gpus, import_ray, room

_LOOK_AGAIN_SECONDS = 2.0
_LONGEST_REASON = 200


@dataclass
class RayEngine:
    """Does tasks by Ray, one worker for each GPU, or for each core where there are no GPUs.

    A worker that dies, or whose machine does, loses only the task it was at, which another one tries again; nodes
    that join the cluster are used. Errors that a worker raises are not tried again.

    The package must be installed on all nodes, in the same version.

    Attributes:
        address: "auto" is the cluster that this machine belongs to, HOST:PORT the one with this head, None one of
            this machine alone, started and ended here. A connection that this process has already is used as it is.
        workers: at most so many; None takes as many as there is room for.
        cpus_per_worker: cores of a worker, and threads of its computations.
        gpus_per_worker: GPUs of a worker, or the share of one that it takes; None is 1 where the cluster has any.
        retries: how often a task whose worker died is tried again.

    Raises:
        ValueError: Ray is not installed, or an option cannot be.
    """

    address: str | None = None
    workers: int | None = None
    cpus_per_worker: int = 1
    gpus_per_worker: float | None = None
    retries: int = 2
    _connected_here: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"the number of workers must be at least 1, not {self.workers}")
        if self.cpus_per_worker < 1:
            raise ValueError(f"a worker needs at least 1 core, not {self.cpus_per_worker}")
        gpus = self.gpus_per_worker
        if gpus is not None and not (0 <= gpus < 1 or gpus in range(1, 1025)):
            raise ValueError(f"a worker takes a whole number of GPUs or a share below 1 of one, not {gpus}")
        if self.retries < 0:
            raise ValueError(f"the number of retries must be at least 0, not {self.retries}")
        import_ray()

    def describe(self) -> str:
        """See :class:`~gan3dinv_ns.experiments.engine.Engine`; connects, until the next run has ended."""
        self._connect()
        workers = self.capacity()
        nodes = min(workers, len(room(self.cpus_per_worker, self.gpus())))
        each = self._each() + (" each" if workers > 1 else "")
        return f"Ray: {_counted(workers, 'worker')} of {each} on {_counted(nodes, 'node')}"

    def run(self, make_worker: Callable[[], Worker[T, R]], tasks: Sequence[T]) -> Iterator[Outcome[T, R]]:
        """See :class:`~gan3dinv_ns.experiments.engine.Engine`.

        Raises:
            ValueError: no cluster answers, it has no room for a worker, or workers cannot be built; one line.
        """
        try:
            if tasks:
                self._connect()
                crew = _Crew(self, make_worker, tasks)
                try:
                    yield from crew.outcomes()
                finally:
                    crew.dismiss()
        finally:
            if self._connected_here:
                import_ray().shutdown()
                self._connected_here = False

    def gpus(self) -> float:
        """GPUs of each worker on the connected cluster."""
        if self.gpus_per_worker is None:
            return 1 if has_gpus() else 0
        return self.gpus_per_worker

    def capacity(self) -> int:
        """How many workers there can be on the connected cluster, as it is now.

        Raises:
            ValueError: none.
        """
        fitting = sum(room(self.cpus_per_worker, self.gpus()))
        if not fitting:
            raise ValueError(f"no node of the Ray cluster has {self._each()} for a worker; ask for less, or add nodes")
        return fitting if self.workers is None else min(fitting, self.workers)

    def _each(self) -> str:
        gpus = self.gpus()
        return _counted(self.cpus_per_worker, "core") + (f" and {_counted(gpus, 'GPU')}" if gpus else "")

    def _connect(self) -> None:
        self._connected_here = connect(self.address) or self._connected_here


class _Carrier:
    """The process of one worker."""

    def __init__(self, threads: int) -> None:
        # Before `build` receives what imports torch and its like, which read these when they are loaded.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)

    def build(self, make_worker: Callable[[], Worker[Any, Any]]) -> str:
        """Builds the worker; "" or what went wrong, in one line."""
        try:
            self._worker = make_worker()
        except Exception as error:
            return f"a worker on {socket.gethostname()} could not be built: {error_line(error)}"
        return ""

    def carry(self, task: Any) -> bytes:
        """Result and error of a task, pickled: arrays that Ray itself hands over are read-only."""
        from ray import cloudpickle

        return cloudpickle.dumps(attempt(self._worker, task))


@dataclass(frozen=True)
class _Post:
    """What an actor is at: the task of this number, or, with None, building its worker."""

    actor: Any
    number: int | None


class _Crew(Generic[T, R]):
    """All workers of one run. Every actor has exactly one call in progress, and is known by it."""

    def __init__(self, engine: RayEngine, make_worker: Callable[[], Worker[T, R]], tasks: Sequence[T]) -> None:
        self._ray: Any = import_ray()
        self._engine = engine
        self._tasks = tasks
        self._waiting = deque(range(len(tasks)))
        self._unfinished = len(tasks)
        self._deaths = [0] * len(tasks)
        self._deaths_at_building = 0
        self._posts: dict[Any, _Post] = {}
        self._capacity, self._looked_at = engine.capacity(), time.monotonic()
        self._make_worker = self._ray.put(make_worker)
        resources = {"num_cpus": engine.cpus_per_worker, "num_gpus": engine.gpus()}
        self._actor_class = self._ray.remote(_Carrier).options(**resources, max_restarts=0, max_task_retries=0)

    def outcomes(self) -> Iterator[Outcome[T, R]]:
        """Every task's outcome, until all are there."""
        while self._unfinished:
            self._hire()
            ready, _ = self._ray.wait(list(self._posts), num_returns=1, timeout=_LOOK_AGAIN_SECONDS)
            for call in ready:
                outcome = self._collect(call, self._posts.pop(call))
                if outcome is not None:
                    self._unfinished -= 1
                    yield outcome

    def dismiss(self) -> None:
        """Ends all workers."""
        for post in self._posts.values():
            self._ray.kill(post.actor)
        self._posts.clear()

    def _hire(self) -> None:
        """Starts workers while there is room, and there are tasks that nobody is being got ready for.

        Raises:
            ValueError: nobody is at work, and there is no room any more.
        """
        if not self._posts or time.monotonic() - self._looked_at > _LOOK_AGAIN_SECONDS:
            with suppress(*[ValueError] if self._posts else []):
                self._capacity = self._engine.capacity()
            self._looked_at = time.monotonic()
        building = sum(post.number is None for post in self._posts.values())
        for _ in range(min(self._capacity - len(self._posts), len(self._waiting) - building)):
            actor = self._actor_class.remote(self._engine.cpus_per_worker)
            self._posts[actor.build.remote(self._make_worker)] = _Post(actor, None)

    def _collect(self, call: Any, post: _Post) -> Outcome[T, R] | None:
        """Takes what a call gave and gives its actor the next task; None where no task is finished by it."""
        errors = self._ray.exceptions
        try:
            told = self._ray.get(call)
        except errors.RayTaskError as error:
            line = f"{type(error.cause).__name__}: {_last_line(error.cause)}"
        except errors.RayError as error:
            self._ray.kill(post.actor)
            return self._lost(post.number, _last_line(error))
        else:
            if post.number is None:
                line = told
            else:
                result, line = self._ray.cloudpickle.loads(told)
        if post.number is None and line:
            self._ray.kill(post.actor)
            raise ValueError(line)
        self._employ(post.actor)
        if post.number is None:
            self._deaths_at_building = 0
            return None
        return Outcome(self._tasks[post.number], None if line else result, line)

    def _employ(self, actor: Any) -> None:
        """Gives an actor the next task, or its leave."""
        if self._waiting:
            number = self._waiting.popleft()
            self._posts[actor.carry.remote(self._tasks[number])] = _Post(actor, number)
        else:
            self._ray.kill(actor)

    def _lost(self, number: int | None, reason: str) -> Outcome[T, R] | None:
        """What follows from the death of a worker at this task, or at building itself."""
        retries = self._engine.retries
        if number is None:
            self._deaths_at_building += 1
            nobody_works = all(post.number is None for post in self._posts.values())
            if self._deaths_at_building > retries and nobody_works:
                raise ValueError(f"workers die while they are built, {self._deaths_at_building} by now: {reason}")
            return None
        self._deaths[number] += 1
        if self._deaths[number] <= retries:
            self._waiting.append(number)
            return None
        times = f"each of the {self._deaths[number]} times this was tried" if retries else "at this"
        return Outcome(self._tasks[number], None, f"the worker died {times}: {reason}")


def _last_line(error: BaseException) -> str:
    """The part of Ray's long explanations that says why."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()[:_LONGEST_REASON]


def _counted(number: float, what: str) -> str:
    return f"{number:g} {what}{'s' if number > 1 else ''}"
