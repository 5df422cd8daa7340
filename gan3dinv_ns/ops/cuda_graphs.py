"""CUDA graphs: what a call asks a GPU for, recorded once and replayed as one request.

A step of an optimisation asks for some thousand kernels, most of them small; asking takes the host longer than many of
them take the GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")

_WARM_UP = 3


class Recorder(Protocol):
    """Records a call; see :func:`record_cuda_graph`."""

    def __call__(self, call: Callable[[], T]) -> tuple[T, Callable[[], object]]: ...


def check_cuda_graphs(device: torch.device) -> None:
    """Raises: ValueError: the device has no CUDA graphs; one line with the fix."""
    if device.type != "cuda":
        raise ValueError(f"CUDA graphs need a CUDA device, not {device.type}; do without the option cuda-graphs")


def record_cuda_graph(call: Callable[[], T]) -> tuple[T, Callable[[], object]]:
    """Record what a call does on the current CUDA device.

    It is called a few times before, as kernels are compiled and libraries set up when they are first used. Random
    numbers of a replay are those that the call would draw at that time.

    Args:
        call: reads no tensor back and takes none from the host; what it reads stays where it is, and alive.

    Returns:
        the call's result, whose tensors lie in memory that each replay writes anew; and the replay.

    Raises:
        RuntimeError: the call does something that cannot be recorded.
    """
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UP):
            call()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # Other threads, the viewer's, may do meanwhile what cannot be recorded.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = call()
    return result, graph.replay
