"""Files that are either complete or absent: written beside their final place, then renamed over it.

`os.replace` is atomic within one file system, so a reader (or a run that is resumed after a crash, a kill
or a full disk) finds the old content or the new, never half of one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_ROOM_TEXTS = (
    "No space left",
    "os error 28",
    "Disk quota exceeded",
    "PytorchStreamWriter",
    "inline_container",
)


class FileWriteError(OSError):
    """A file could not be written; the message is one line that names the file, the reason and the fix."""


@contextmanager
def atomic_path(path: str | Path, temporary_folder: Path | None = None) -> Iterator[Path]:
    """Gives a temporary path beside `path` (same suffix), renamed to `path` on success, removed on failure.

    Missing parent directories are made. To use as `with atomic_path("a.png") as temporary: image.save(temporary)`.

    Args:
        path: where the file shall be.
        temporary_folder: where it is written first, if not beside `path`; on the same file system.

    Raises:
        FileWriteError: the disk is full, or the place cannot be written to. What stood at `path` stays.
    """
    final = Path(path)
    folder = final.parent if temporary_folder is None else temporary_folder
    temporary = folder / f".{final.stem}.{os.getpid()}.part{final.suffix}"
    try:
        with explained_writing(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            yield temporary
            put_in_place(temporary, final)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def explained_writing(path: Path) -> Iterator[None]:
    """Turns the file system's errors while `path` is written into one line; other errors pass unchanged.

    Raises:
        FileWriteError: the disk is full, or the place cannot be written to.
    """
    try:
        yield
    except Exception as error:
        line = _explanation(error, path)
        if line is None:
            raise
        raise FileWriteError(line) from error


def put_in_place(temporary: Path, final: Path) -> None:
    """Renames a complete file, after its content has reached the disk; a late "disk full" shows here.

    Raises:
        OSError: of the file system, as it is.
    """
    descriptor = os.open(temporary, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, final)


def is_disk_full(error: BaseException) -> bool:
    """Whether `error` or its cause says that the disk is full (torch and safetensors say it in words)."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, OSError) and current.errno in _NO_ROOM:
            return True
        if any(text in str(current) for text in _NO_ROOM_TEXTS):
            return True
        current = current.__cause__ or current.__context__
    return False


def _explanation(error: Exception, final: Path) -> str | None:
    """One line for an error of the file system, None for any other error (which then passes unchanged)."""
    if isinstance(error, FileWriteError):
        return None
    if is_disk_full(error):
        return f"cannot write {final}: the disk is full; make room on it or write to another one"
    if isinstance(error, PermissionError):
        return f"cannot write {final}: permission denied; choose a directory that you may write to"
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return f"cannot write {final}: a file stands where a directory should be; choose another path"
    if isinstance(error, IsADirectoryError):
        return f"cannot write {final}: it is a directory; choose a file name"
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return f"cannot write {final}: the file system is read-only; write to another one"
    if isinstance(error, FileNotFoundError) and error.filename and Path(error.filename) in final.parents:
        return f"cannot write {final}: the directory {error.filename} cannot be made; choose another path"
    return None
