"""Vectors in half precision, as thousands of them are kept: two bytes for each number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

_HALF = np.dtype("<f2")


def packed(vector: Tensor | Sequence[float]) -> bytes:
    """Numbers ``[D]`` as float16, little-endian; a number beyond 65504 becomes infinite."""
    values = vector.detach().cpu().numpy() if isinstance(vector, Tensor) else np.asarray(vector)
    with np.errstate(over="ignore"):
        return values.astype(_HALF).tobytes()


def unpacked(content: bytes) -> np.ndarray:
    """The numbers ``[D]`` float64 of :func:`packed`.

    Raises:
        ValueError: half a number is left over.
    """
    return np.frombuffer(content, _HALF).astype(np.float64)
