"""One process holds a lock at a time, and one that is killed holds none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scaicore_tui.lock import Lock

HOLD = """
import sys
from pathlib import Path
from scaicore_tui.lock import Lock
with Lock(Path(sys.argv[1]), wait_s=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_waits_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "thing"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError, match="another process"):
            Lock(path, wait_s=0).acquire()
        holder.kill()
    with Lock(path, wait_s=0):
        assert [file.name for file in path.parent.iterdir()] == ["thing.lock"]


def test_one_process_does_not_hold_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "thing"
    with Lock(path, wait_s=0), pytest.raises(TimeoutError):
        Lock(path, wait_s=0.05).acquire()
    Lock(path, wait_s=0).acquire().release()


def test_an_impossible_lock_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "thing.lock").write_bytes(b"no database, and far too long to be taken for an empty one" * 40)
    with pytest.raises(OSError, match=r"thing\.lock"):
        Lock(tmp_path / "thing", wait_s=0).acquire()
