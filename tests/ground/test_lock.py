"""A lock has one holder at a time, and is released when its holder is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scaicore_tui.lock import Lock

HOLDER_SCRIPT = """
import sys
from pathlib import Path
from scaicore_tui.lock import Lock
with Lock(Path(sys.argv[1]), wait_s=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "state"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER_SCRIPT, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError, match="another process"):
            Lock(path, wait_s=0).acquire()
        holder.kill()
    with Lock(path, wait_s=0):
        assert [file.name for file in path.parent.iterdir()] == ["state.lock"]


def test_a_process_cannot_hold_a_lock_twice(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with Lock(path, wait_s=0), pytest.raises(TimeoutError):
        Lock(path, wait_s=0.05).acquire()
    Lock(path, wait_s=0).acquire().release()


def test_an_unusable_lock_file_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "state.lock").write_bytes(b"not a database, and too long to be read as an empty one..." * 40)
    with pytest.raises(OSError, match=r"state\.lock"):
        Lock(tmp_path / "state", wait_s=0).acquire()
