"""Rows of a tensor by numbers that the host knows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def select_rows(values: Tensor, rows: Sequence[int]) -> Tensor:
    """Rows of ``values [K, ...]`` in the given order; ``values`` itself where these are all of them in their own.

    Indexing by a list would send the list to the device, and a GPU finishes all that it was asked for before that.

    Args:
        rows: at least one, few.
    """
    if list(rows) == list(range(len(values))):
        return values
    return torch.stack([values[row] for row in rows])
