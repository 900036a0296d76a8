"""A lock has one holder at a time, and is released when its holder is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread

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


def test_the_lock_file_is_empty_and_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "state"
    with Lock(path, wait_s=0):
        status = path.with_name("state.lock").stat()
        assert (status.st_size, status.st_mode & 0o777) == (0, 0o600)
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_one_thread_takes_a_lock_and_another_releases_it(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "state", wait_s=0).acquire()
    thread = Thread(target=lock.release)
    thread.start()
    thread.join()
    Lock(tmp_path / "state", wait_s=0).acquire().release()


def test_a_program_that_was_started_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "state", wait_s=0).acquire()
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE):
        lock.release()
        Lock(tmp_path / "state", wait_s=0).acquire().release()


def test_processes_that_take_a_lock_at_the_same_time_all_get_it(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from scaicore_tui.lock import Lock
for _ in range(100):
    with Lock(Path(sys.argv[1]), wait_s=30):
        counter = Path(sys.argv[1])
        counter.write_text(str(int(counter.read_text()) + 1))
"""
    (tmp_path / "state").write_text("0")
    others = [subprocess.Popen([sys.executable, "-c", script, tmp_path / "state"]) for _ in range(3)]
    assert [other.wait() for other in others] == [0, 0, 0]
    assert (tmp_path / "state").read_text() == "300"
