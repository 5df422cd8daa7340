"""Something faster is tried against torch before it is used: how far off it is, and what is said where it fails."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def largest_relative_error(found: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    """Largest relative error (norm of the difference) of as many tensors, on any device; NaN where one of them is."""
    pairs = zip(found, expected, strict=True)
    errors = [(one.cpu() - other.cpu()).norm() / other.cpu().norm().clamp_min(1e-12) for one, other in pairs]
    return float(torch.stack(errors).max())


def does_not_run(problem: Exception) -> str:
    """A failed trial as part of a sentence; compilers, drivers and libraries fail in their own ways and many lines."""
    first_line = next(iter(str(problem).strip().splitlines()), "")
    return f"does not run here ({type(problem).__name__}: {first_line[:120]})"
