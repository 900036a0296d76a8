"""A lock that one process holds at a time, and that the system takes back from one that dies.

It is SQLite's own, on an empty file beside the one that is meant: a system that can't give it keeps no journal either.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_FOLDER = 0o700


class Lock:
    """The lock of `path`, of which others may be waited for so many seconds; as a context manager it is held inside."""

    def __init__(self, path: Path, wait: float) -> None:
        self._file = path.with_name(f"{path.name}.lock")
        self._wait = wait
        self._held: sqlite3.Connection | None = None

    def acquire(self) -> Self:
        """Hold it. Raises TimeoutError where another has it all the time, OSError where it can't be had at all."""
        self._file.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        self._file.touch(mode=OWNER_ONLY_FILE)
        try:
            self._held = sqlite3.connect(self._file, timeout=self._wait, isolation_level=None, check_same_thread=False)
            # Nothing is ever written to it, so there is nothing to take back.
            self._held.execute("PRAGMA journal_mode = OFF")
            self._held.execute("BEGIN EXCLUSIVE")
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
        """Let others have it."""
        if self._held is not None:
            self._held.close()
            self._held = None
