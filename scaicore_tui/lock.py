"""A lock between processes. The operating system releases it when its process dies.

It is SQLite's file lock, taken on an empty file `NAME.lock` beside the locked file: the journal needs SQLite's locks
anyway, so this adds no requirement. The library filelock was tried instead: earlier versions of the program would not
see its lock, a start took 10 ms longer, and the code to run beside earlier versions was longer than this module.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_FOLDER = 0o700


class Lock:
    """Lock of the file `path`; a context manager that holds it. `wait_s` is how long to wait for another process."""

    def __init__(self, path: Path, wait_s: float) -> None:
        self._file = path.with_name(f"{path.name}.lock")
        self._wait_s = wait_s
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> Self:
        """Take the lock.

        Raises:
            TimeoutError: another process held it for the whole wait.
            OSError: the lock file cannot be created or locked.
        """
        self._file.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        self._file.touch(mode=OWNER_ONLY_FILE)
        try:
            self._connection = sqlite3.connect(
                self._file, timeout=self._wait_s, isolation_level=None, check_same_thread=False
            )
            # Nothing is ever written to this database, so it needs no rollback journal.
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            self.release()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise TimeoutError(f"another process holds {self._file}") from error
            raise OSError(f"{self._file}: {error}") from error
        return self

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
