"""How much work a call is: floating-point operations, and bytes that its operators read and write.

Bytes are those of every operator's tensors, as if nothing stayed in a cache from one operator to the next; a fused
kernel moves fewer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


@dataclass
class Work:
    """What was counted.

    Attributes:
        flops: by name of the number format, such as "float32"; of convolutions, matrix products and sums of table rows.
        moved: bytes.
    """

    flops: Counter[str] = field(default_factory=Counter)
    moved: int = 0


def count_work(call: Callable[[], object]) -> Work:
    """Run a call once and count. Kernels that torch's dispatcher does not see, such as Triton's, are not counted."""
    with _Counting() as counting:
        call()
    return counting.work


class _Counting(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.work = Work()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.is_view:
            return result
        packet = func.overloadpacket
        taken, given = list(_tensors(args)), list(_tensors(result))
        if packet in (torch.ops.aten._embedding_bag, torch.ops.aten._embedding_bag_forward_only):
            table, rows = args[0], args[1]
            read = rows.numel() * table.shape[1]
            self.work.flops[_format(table)] += 2 * read
            self.work.moved += read * table.element_size() + sum(one.nbytes for one in (*taken[1:], *given[:1]))
            return result
        if packet in flop_registry:
            flops = flop_registry[packet](*args, **(kwargs or {}), out_val=result)
            self.work.flops[_format(taken[0])] += int(flops)
        self.work.moved += sum(one.nbytes for one in (*taken, *given))
        return result


def _tensors(values: object) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


def _format(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
