"""Memory that is freed stays with the process, so that the next step of a loop finds it.

By default glibc returns every large block to the system at once and asks for it again in the next step; each page is
then cleared anew. In loops over tensors of some ten megabytes on a CPU this doubles the time.
"""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt (malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_HEAP_BLOCK = 2**30
_NEVER_TRIM = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the process keep freed memory for its next allocations; call it once, before a loop on the CPU.

    The peak of the memory stays as it is; what is freed after the peak is no longer returned to the system.

    Returns:
        whether the C library could be told (glibc on Linux); elsewhere nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_HEAP_BLOCK)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER_TRIM))
