"""What is wrong on the user's side ends a program with one line, not with a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gan3dinv_ns.ops.atomic_files import FileWriteError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns `ValueError` and `FileWriteError` into the end of the program: their message on stderr, status 1.

    To be put around the steps that meet the user's files and options, at the level of a command, and
    nowhere below: libraries raise the errors themselves.

    Raises:
        SystemExit: carries the message; Python prints it and exits with status 1.
    """
    try:
        yield
    except (ValueError, FileWriteError) as error:
        line = " ".join(str(error).split())
        raise SystemExit(f"error: {line}") from None
