from __future__ import annotations

import subprocess
import sys

from gan3dinv_ns.ops.allocator import keep_freed_memory


def test_is_told_to_the_c_library_where_there_is_glibc():
    code = "from gan3dinv_ns.ops.allocator import keep_freed_memory as k; print(k())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() in ("True", "False")


def test_changes_nothing_on_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
