"""Files from the web: whole or not at all, and a download that was cut off goes on where it stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan3dinv_ns.ops.atomic_files import explained_writing, put_in_place

if TYPE_CHECKING:
    from requests import Response

_CONNECT_SECONDS, _SILENT_SECONDS = 10, 60
_CHUNK = 1 << 18
_MEGABYTE = 1e6


@contextmanager
def one_process_at_a_time(path: Path) -> Iterator[None]:
    """Lets one process after the other make the file `path`; missing folders are made.

    Raises:
        FileWriteError: the place cannot be written to.
    """
    from filelock import FileLock

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    with explained_writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def download_file(url: str, path: Path) -> None:
    """Download a file, with a bar on the console; what has come so far waits in PATH.part for the next call.

    Args:
        url: http or https.
        path: where the file shall be; missing folders are made.

    Raises:
        ValueError: the server cannot be reached or refuses, or the connection broke; one line with the reason.
        FileWriteError: the disk is full, or the place cannot be written to.
    """
    part = path.with_name(f"{path.name}.part")
    with explained_writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, path.name)
        put_in_place(part, path)


def _fetch(url: str, part: Path, name: str) -> None:
    """Brings `part` to the size that the server tells.

    Raises:
        ValueError: the server cannot be reached or refuses, or the connection broke.
    """
    import requests

    try:
        with _ask(url, part.stat().st_size if part.is_file() else 0) as response:
            total = _write(response, part, name)
    except requests.RequestException as error:
        size = part.stat().st_size if part.is_file() else 0
        resume = f" after {size / _MEGABYTE:.1f} MB; run again to resume" if size else ""
        raise ValueError(f"{url} cannot be downloaded ({_reason(error)}{resume})") from error
    size = part.stat().st_size
    if total is not None and size < total:
        raise ValueError(f"{url} cannot be downloaded ({size} of {total} bytes came; run again to resume)")
    if total is not None and size > total:
        part.unlink()
        raise ValueError(f"{url} cannot be downloaded ({size} bytes came instead of {total}; run again to start anew)")


def _ask(url: str, have: int) -> Response:
    """The server's answer: what follows the first `have` bytes (206), or the whole file (200).

    Raises:
        requests.RequestException: there is none, or it is a refusal.
    """
    import requests

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    response = requests.get(url, headers=headers, stream=True, timeout=(_CONNECT_SECONDS, _SILENT_SECONDS))
    resumes = response.status_code == 206 and _range(response)[0] == have
    if have and not resumes and response.status_code != 200:
        response.close()
        return _ask(url, 0)
    response.raise_for_status()
    return response


def _write(response: Response, part: Path, name: str) -> int | None:
    """Writes or appends what comes; returns the size that the whole file must have, None if the server does not say."""
    from tqdm import tqdm

    if response.status_code == 206:
        have, total = _range(response)
    else:
        length = response.headers.get("Content-Length", "")
        have, total = 0, int(length) if length.isdigit() else None
    bar = tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True, disable=None)
    with part.open("ab" if have else "wb") as file, bar:
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
    return total


def _range(response: Response) -> tuple[int, int | None]:
    """First byte and whole size of a 206 answer; (-1, None) for what cannot be read."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if found is None:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _reason(error: Exception) -> str:
    """A few words for an error of `requests`."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}".rstrip()
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    return " ".join(str(error).split()) or type(error).__name__
