"""Something faster is tried against torch before it is used: whether it runs, and how far off it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Unusable(ValueError):
    """Something faster cannot be had here; the message is the rest of a sentence that begins with its name."""


@contextmanager
def attempt() -> Iterator[None]:
    """Whatever goes wrong inside is a reason to do without what is tried, and may not end an inversion.

    Raises:
        Unusable: compilers, drivers and libraries fail in their own ways and many lines; of these the first is told.
    """
    try:
        yield
    except Unusable:
        raise
    except Exception as problem:
        first_line = next(iter(str(problem).strip().splitlines()), "")
        raise Unusable(f"does not run here ({type(problem).__name__}: {first_line[:120]})") from None


def require_agreement(error: float, tolerance: float, reference: str) -> None:
    """Raises: Unusable: the relative error against the reference is too large, or not a number."""
    if not error <= tolerance:
        raise Unusable(f"differs from {reference} on this device (relative error {error:.1e})")


def largest_relative_error(found: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    """Largest relative error (norm of the difference) of as many tensors, on any device; NaN where one of them is."""
    pairs = zip(found, expected, strict=True)
    errors = [(one.cpu() - other.cpu()).norm() / other.cpu().norm().clamp_min(1e-12) for one, other in pairs]
    return float(torch.stack(errors).max())
