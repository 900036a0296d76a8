"""A lock between processes: `filelock` on an empty file `NAME.lock` beside the locked file.

The operating system releases it when its process dies: `flock` on POSIX, which NFS forwards to its server, and locked
bytes on Windows. On a file system without locks there is an error: filelock's substitute, a marker file, could outlive
a crash. The file stays empty, so that earlier versions, which lock it with SQLite, can open it. An earlier version
that holds it already is noticed; one that is started later does not notice this lock.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from filelock import BaseFileLock

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_FOLDER = 0o700
# While another process holds it. Nobody holds the ledger's longer than one write takes.
_POLL_INTERVAL_S = 0.01
# The bytes that an exclusive lock of SQLite covers, beyond the end of the file (os.h: PENDING_BYTE, SHARED_SIZE).
_SQLITE_FIRST_BYTE = 0x40000000
_SQLITE_BYTES = 512


class Lock:
    """Lock of the file `path`; a context manager that holds it. `wait_s` is how long to wait for another process, and
    beforehand as long for one of an earlier version.

    One thread may acquire it and another release it.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        self._file = path.with_name(f"{path.name}.lock")
        self._wait_s = wait_s
        self._held: BaseFileLock | None = None

    def acquire(self) -> Self:
        """Take the lock.

        Raises:
            TimeoutError: another process held it for the whole wait.
            OSError: the lock file cannot be created or locked.
        """
        from filelock import FileLock, Timeout  # imported late: it takes 10 ms, and most commands need no lock

        self._file.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        lock = FileLock(
            self._file,
            self._wait_s,
            OWNER_ONLY_FILE,
            thread_local=False,
            poll_interval=_POLL_INTERVAL_S,
            fallback_to_soft=False,
        )
        try:
            # Not by filelock: where a folder takes no files, as /proc, it assumes that another process removed them.
            self._file.touch(mode=OWNER_ONLY_FILE)
            self._wait_for_earlier_version()
            lock.acquire()
        except (Timeout, BlockingIOError) as error:
            raise TimeoutError(f"another process holds {self._file}") from error
        except OSError as error:
            raise OSError(error.errno, f"{self._file}: {error.strerror or error}") from error
        self._held = lock
        return self

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def _wait_for_earlier_version(self) -> None:
        """Wait while an earlier version of the program holds the file. Raises BlockingIOError if it does not let go.

        Before `flock`, not after: on NFS, both would be locks of the whole file, which exclude each other even within
        one process.
        """
        for _ in range(int(self._wait_s / _POLL_INTERVAL_S)):
            with suppress(BlockingIOError):
                _check_for_sqlite_lock(self._file)
                return
            Event().wait(_POLL_INTERVAL_S)
        _check_for_sqlite_lock(self._file)


def _check_for_sqlite_lock(file: Path) -> None:
    """Raise BlockingIOError if a process has locked the file with SQLite. Never, where the system is not POSIX."""
    with suppress(ImportError):
        import fcntl

        descriptor = os.open(file, os.O_RDWR | os.O_NONBLOCK)
        try:
            # Shared, so that no two processes take each other for an earlier version.
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, _SQLITE_BYTES, _SQLITE_FIRST_BYTE)
        finally:
            os.close(descriptor)
