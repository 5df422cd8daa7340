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
        final.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, final)
    except Exception as error:
        line = _explanation(error, final)
        if line is None:
            raise
        raise FileWriteError(line) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


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


def _flush_to_disk(path: Path) -> None:
    """Makes the content reach the disk before the rename does; a late "disk full" shows here."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    return None
