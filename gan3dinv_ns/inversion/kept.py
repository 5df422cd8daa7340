"""Values that are computed again only after the tensors changed that they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from torch import Tensor

T = TypeVar("T")


class Kept(Generic[T]):
    """The last value, and of which state of its sources. A number read back from a GPU waits for all work before it,
    so that also those are worth keeping."""

    def __init__(self) -> None:
        self._last: tuple[tuple[object, ...], T] | None = None

    def of(self, sources: Iterable[Tensor], compute: Callable[[], T]) -> T:
        """The value for the sources as they are; always the same ones, changed in place or moved to another device."""
        key = tuple((one.device, one._version) for one in sources)
        if self._last is None or self._last[0] != key:
            self._last = (key, compute())
        return self._last[1]
