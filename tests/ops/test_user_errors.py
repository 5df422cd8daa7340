from __future__ import annotations

import subprocess
import sys

import pytest

from gan3dinv_ns.ops.atomic_files import FileWriteError
from gan3dinv_ns.ops.user_errors import one_line_errors


@pytest.mark.parametrize("kind", [ValueError, FileWriteError])
def test_user_error_becomes_one_line(kind):
    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise kind("photo.png is\ntoo small")
    assert caught.value.code == "error: photo.png is too small"


def test_other_errors_pass():
    with pytest.raises(KeyError), one_line_errors():
        raise KeyError("a bug")


def test_program_ends_with_status_one_and_no_traceback():
    code = (
        "from gan3dinv_ns.ops.user_errors import one_line_errors\n"
        "with one_line_errors():\n    raise ValueError('no such photo')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr == "error: no such photo\n" and done.stdout == ""
