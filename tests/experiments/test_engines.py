"""Engines carry every task exactly once, whatever happens to other tasks and to the workers."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gan3dinv_ns.experiments import ray_engine
from gan3dinv_ns.experiments.engine import Engine, Outcome, error_line
from gan3dinv_ns.experiments.local_engine import LocalEngine
from gan3dinv_ns.experiments.ray_cluster import check_answers
from gan3dinv_ns.experiments.ray_engine import RayEngine


@dataclass(frozen=True)
class Report:
    """What a toy worker tells: the square of its task, its process, and the threads and GPUs it may use."""

    square: int
    process: int
    threads: str
    gpus: str


@dataclass(frozen=True)
class Toy:
    """A worker that squares numbers, and writes down every attempt.

    Attributes:
        folder: where it writes, a line for each attempt at a task.
        deaths: how many attempts at each task kill the process; none where there is no number.
        company: tasks from 1 on wait until so many processes have begun something.
        gate: all tasks wait for this file, if there is one.
    """

    folder: Path
    deaths: tuple[int, ...] = ()
    company: int = 1
    gate: Path | None = None

    def __call__(self, task: int) -> Report:
        with (self.folder / str(task)).open("a") as file:
            file.write(f"{os.getpid()}\n")
        if task == 13:
            raise ValueError("thirteen cannot\nbe squared")
        if len(attempts(self.folder, task)) <= sum(self.deaths[task : task + 1]):
            os.kill(os.getpid(), signal.SIGKILL)
        if task >= 1:
            wait_until(lambda: len(processes(self.folder)) >= self.company)
        if self.gate is not None:
            wait_until(self.gate.exists)
        threads, gpus = (os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"))
        return Report(task**2, os.getpid(), threads, gpus)


@dataclass(frozen=True)
class MakeToy:
    toy: Toy

    def __call__(self) -> Toy:
        return self.toy


@dataclass(frozen=True)
class MakeNothing:
    """The weights are missing."""

    def __call__(self) -> Toy:
        raise ValueError("there is no weights.pkl")


def attempts(folder: Path, task: int) -> list[int]:
    """Processes that began the task, in order."""
    return [int(line) for line in (folder / str(task)).read_text().splitlines()]


def processes(folder: Path) -> set[int]:
    return {process for file in folder.iterdir() for process in attempts(folder, int(file.name))}


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits as long as it takes on a busy machine; what never comes ends the test nevertheless."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def squares(outcomes: Sequence[Outcome[int, Report]]) -> dict[int, int | str]:
    """The square of each task, or its error."""
    assert len({outcome.task for outcome in outcomes}) == len(outcomes)
    assert all((outcome.result is None) == bool(outcome.error) for outcome in outcomes)
    return {outcome.task: outcome.result.square if outcome.result else outcome.error for outcome in outcomes}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A real Ray cluster of one node that gives room for two workers."""
    ray = pytest.importorskip("ray", reason='Ray is not installed (extra "cluster")')
    # The toys of this file are known to this process only.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    started = start_cluster()
    yield started
    ray.shutdown()
    started.shutdown()
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def start_cluster() -> Any:
    """Starts it; on a machine with much else to do Ray gives up, as its agents take more than 15 s to load."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "num_gpus": 0, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    reason = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_enable_worker_prestart", "0")
        for _ in range(2):
            try:
                return Cluster(initialize_head=True, head_node_args=node)
            except Exception as error:
                reason = str(error)
    pytest.skip(f"Ray could not be started on this machine: {reason}")


@pytest.fixture(params=["local", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "local":
        return LocalEngine()
    return RayEngine(request.getfixturevalue("cluster").address)


def test_every_task_comes_back_once_and_errors_are_told(engine: Engine, tmp_path: Path) -> None:
    outcomes = list(engine.run(MakeToy(Toy(tmp_path)), range(10, 18)))
    expected: dict[int, int | str] = {number: number**2 for number in range(10, 18)}
    assert squares(outcomes) == {**expected, 13: "thirteen cannot be squared"}
    assert all(len(attempts(tmp_path, number)) == 1 for number in range(10, 18))
    assert "ray" not in sys.modules or not sys.modules["ray"].is_initialized()


def test_no_tasks_need_no_worker(engine: Engine) -> None:
    assert list(engine.run(MakeNothing(), [])) == []


def test_a_worker_that_cannot_be_built_is_one_line(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"there is no weights\.pkl") as raised:
        list(engine.run(MakeNothing(), [1]))
    assert "\n" not in str(raised.value)


def test_interruption_is_no_error_of_a_task() -> None:
    def interrupted(task: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(LocalEngine().run(lambda: interrupted, [1, 2]))


def test_errors_not_meant_for_users_tell_where_they_arose() -> None:
    try:
        raise KeyError("yaw")
    except KeyError as error:
        line = error_line(error)
    assert line.startswith("KeyError in test_engines.py, line ") and line.endswith(": 'yaw'")


def test_a_killed_worker_loses_only_its_task_and_a_task_that_always_kills_is_told(cluster: Any, tmp_path: Path) -> None:
    toy = Toy(tmp_path, deaths=(0, 0, 0, 1, 100))
    outcomes = list(RayEngine(cluster.address, retries=1).run(MakeToy(toy), range(8)))
    told = squares(outcomes)
    assert str(told.pop(4)).startswith("the worker died each of the 2 times this was tried: ")
    assert told == {number: number**2 for number in (0, 1, 2, 3, 5, 6, 7)}
    assert [len(attempts(tmp_path, number)) for number in range(8)] == [1, 1, 1, 2, 2, 1, 1, 1]
    killed, finisher = attempts(tmp_path, 3)
    assert killed != finisher
    assert not alive(killed)


def test_closing_early_leaves_no_worker_and_keeps_the_callers_connection(cluster: Any, tmp_path: Path) -> None:
    import ray

    ray.init(address=cluster.address, log_to_driver=False)
    engine = RayEngine(cpus_per_worker=2)
    assert engine.describe() == "Ray: 1 worker of 2 cores on 1 node"
    with closing(engine.run(MakeToy(Toy(tmp_path)), range(100))) as outcomes:
        first = next(outcomes)
    assert first.result is not None and first.result.threads == "2"
    assert ray.is_initialized()
    wait_until(lambda: ray.available_resources().get("CPU") == 2)
    wait_until(lambda: not any(map(alive, processes(tmp_path))))
    assert len(list(tmp_path.iterdir())) < 100
    ray.shutdown()


def test_a_cluster_that_grows_during_the_run_is_used(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers_on_nodes = [1]
    monkeypatch.setattr(ray_engine, "room", lambda cpus, gpus: workers_on_nodes)
    run = RayEngine(cluster.address).run(MakeToy(Toy(tmp_path, company=2)), range(4))
    outcomes = [next(run)]
    workers_on_nodes.append(1)
    outcomes += run
    assert squares(outcomes) == {number: number**2 for number in range(4)}
    assert len(processes(tmp_path)) == 2


def test_a_node_that_is_lost_loses_only_the_task_it_was_at(cluster: Any, tmp_path: Path) -> None:
    folder, gate = tmp_path / "tasks", tmp_path / "gate"
    folder.mkdir()
    node = cluster.add_node(num_cpus=1, num_gpus=0, include_log_monitor=False)
    run = RayEngine(cluster.address).run(MakeToy(Toy(folder, gate=gate)), range(6))
    with ThreadPoolExecutor() as threads:
        outcomes = threads.submit(list, run)
        wait_until(lambda: len(processes(folder)) == 3 or outcomes.done())
        before = processes(folder)
        cluster.remove_node(node, allow_graceful=False)
        wait_until(lambda: not all(map(alive, before)))
        gate.touch()
        assert squares(outcomes.result()) == {number: number**2 for number in range(6)}
    assert sorted(len(attempts(folder, number)) for number in range(6)) == [1, 1, 1, 1, 1, 2]


def test_where_there_are_gpus_each_worker_has_one_of_its_own(cluster: Any, tmp_path: Path) -> None:
    # Ray takes our word for the number of GPUs, and hands them out by CUDA_VISIBLE_DEVICES.
    node = cluster.add_node(num_cpus=4, num_gpus=2, include_log_monitor=False)
    engine = RayEngine(cluster.address)
    assert engine.describe() == "Ray: 2 workers of 1 core and 1 GPU each on 1 node"
    outcomes = list(engine.run(MakeToy(Toy(tmp_path, company=2)), range(4)))
    cluster.remove_node(node)
    assert squares(outcomes) == {number: number**2 for number in range(4)}
    told = {outcome.result.process: outcome.result.gpus for outcome in outcomes if outcome.result is not None}
    assert sorted(told.values()) == ["0", "1"]


def test_a_cluster_without_room_for_a_worker_is_one_line(cluster: Any, tmp_path: Path) -> None:
    engine = RayEngine(cluster.address, gpus_per_worker=0.5)
    with pytest.raises(ValueError, match=r"no node of the Ray cluster has 1 core and 0\.5 GPU for a worker"):
        list(engine.run(MakeToy(Toy(tmp_path)), range(3)))


def test_an_address_without_a_cluster_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ValueError, match=f"no Ray cluster answers at 127.0.0.1:{port}"):
        check_answers(f"127.0.0.1:{port}")


def test_what_is_no_ray_head_is_one_line(file_server: Any) -> None:
    address = file_server.url("").removeprefix("http://").rstrip("/")
    with pytest.raises(ValueError, match="is no Ray head"):
        check_answers(address)


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:", ":6379", "head:six"])
def test_what_is_no_address_is_one_line(address: str) -> None:
    with pytest.raises(ValueError, match='"auto" or HOST:PORT'):
        check_answers(address)


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"cpus_per_worker": 0},
        {"gpus_per_worker": -1.0},
        {"gpus_per_worker": 1.5},
        {"gpus_per_worker": float("nan")},
        {"retries": -1},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"not {next(iter(options.values()))}"):
        RayEngine(**options)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r'pip install "gan3dinv_ns\[cluster\]"'):
        RayEngine()
