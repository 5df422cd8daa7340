"""The way to a Ray cluster, and how many workers it has room for."""

from __future__ import annotations

import logging
import math
import os
import socket
from types import ModuleType

_QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}
_STARTS = 3
_PATIENCE_SECONDS = 10.0
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEADER_BYTES, _FRAME_KIND_AT, _SETTINGS_FRAME = 9, 3, 4


def import_ray() -> ModuleType:
    """Ray, which is imported only where it is used.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise ValueError('the engine "ray" needs Ray: pip install "gan3dinv_ns[cluster]"') from None
    return ray


def connect(address: str | None) -> bool:
    """Connects this process to Ray, unless it is connected already; Ray's own lines are not shown.

    Args:
        address: "auto" is the cluster that this machine belongs to, HOST:PORT the one with this head; None starts one
            of this machine's cores and GPUs, which ends with the connection.

    Returns:
        whether the connection was made here, so that it is to be ended here.

    Raises:
        ValueError: Ray is not installed, no cluster answers there, or Ray cannot be started.
    """
    ray = import_ray()
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    named = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    if named not in (None, "auto"):
        check_answers(named)
    if named is None:
        _start_here(ray)
        return True
    try:
        ray.init(address=named, **_QUIET)
    except (Exception, SystemExit) as error:
        fix = 'start one with "ray start --head", or leave --address out for one of this machine alone'
        raise ValueError(f"no Ray cluster at {address}: {_first_line(error)}; {fix}") from None
    return True


def _start_here(ray: ModuleType) -> None:
    """Starts Ray on this machine; again if need be, as it gives up where its agents take more than 15 s to load.

    Raises:
        ValueError: it does not start.
    """
    for start in range(1, _STARTS + 1):
        try:
            ray.init(address="local", include_dashboard=False, **_QUIET)
            return
        except Exception as error:
            if start == _STARTS:
                fix = "run again when this machine has less to do; Ray's logs are in /tmp/ray/session_latest/logs"
                raise ValueError(f"Ray could not be started here: {_first_line(error)}; {fix}") from None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def check_answers(address: str) -> None:
    """Makes sure that a Ray head may be at HOST:PORT, as Ray itself would try for minutes and then end the program.

    The head speaks HTTP/2 (gRPC): after the client's preface it sends a SETTINGS frame first (RFC 9113, 3.4).

    Raises:
        ValueError: it is no such address, or what is there does not answer like this within ten seconds.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or "/" in host:
        raise ValueError(f'the address of a Ray cluster is "auto" or HOST:PORT of its head, not "{address}"')
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_SECONDS) as connection:
            connection.sendall(_GREETING)
            header = connection.recv(_FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except (OSError, OverflowError) as error:
        raise ValueError(f"no Ray cluster answers at {address} ({error}); is its head running there?") from None
    if len(header) < _FRAME_HEADER_BYTES or header[_FRAME_KIND_AT] != _SETTINGS_FRAME:
        raise ValueError(f'what answers at {address} is no Ray head; "ray start --head" prints the right port')


def has_gpus() -> bool:
    """Whether any node of the connected cluster has a GPU."""
    return import_ray().cluster_resources().get("GPU", 0) > 0


def room(cpus: int, gpus: float) -> list[int]:
    """How many workers of so many cores and GPUs fit on each living node, busy or not; nodes without room are left out.

    Args:
        cpus: cores of a worker, at least 1.
        gpus: GPUs of a worker: a whole number, or a share below 1 of one GPU.
    """
    fitting = []
    for node in import_ray().nodes():
        resources = node["Resources"] if node["Alive"] else {}
        workers = int(resources.get("CPU", 0) // cpus)
        if gpus:
            devices = int(resources.get("GPU", 0))
            # A worker's share is always of one device; 1e-9 as 1 / 0.1 may round below 10.
            on_gpus = devices * math.floor(1 / gpus + 1e-9) if gpus < 1 else devices // int(gpus)
            workers = min(workers, on_gpus)
        if workers:
            fitting.append(workers)
    return fitting
