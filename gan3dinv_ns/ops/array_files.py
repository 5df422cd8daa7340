"""Named arrays in .npz files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from gan3dinv_ns.ops.atomic_files import atomic_path


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], compressed: bool = True) -> None:
    """Write a file, whole or not at all; nothing in it needs pickle.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    # Typed by hand: numpy's own signature takes the arrays of a mapping for its keyword allow_pickle.
    save: Callable[..., None] = np.savez_compressed if compressed else np.savez
    with atomic_path(path) as temporary:
        save(temporary, **arrays)
