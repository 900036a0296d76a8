"""The ledger: a record of all writes as JSON lines. Each write is synced to disk before it is sent.

It also makes sure that several processes of this program send a write only once: a write must be claimed here first.
It never contains a secret.

Lines are only appended, and each is read once. The one exception: old finished writes are pruned, and a new file
replaces the old one. Everything here blocks; `LedgerWorker` keeps it off the event loop.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from scaicore_tui.actions.ledger_lines import (
    MAX_WRITE_S,
    OPEN_PROGRESS,
    Entry,
    EntryIndex,
    State,
    claim_line,
    release_line,
    state_line,
)
from scaicore_tui.actions.ledger_pruning import prune
from scaicore_tui.actions.submission import MAY_STILL_ARRIVE, Kind, Progress
from scaicore_tui.errors import StorageError
from scaicore_tui.lock import OWNER_ONLY_FILE, Lock

__all__ = ["MAX_WRITE_S", "OPEN_PROGRESS", "Entry", "Ledger", "State"]

# Time to wait for another process that holds the lock.
LOCK_TIMEOUT_S = 10.0
# Number of leading bytes compared to detect that the file was replaced.
HEAD_BYTES = 64
NO_FILE = "it is not a regular file"


class Ledger:
    """The ledger in a file, or in memory without a `path`. The first write creates the file, for its owner only.

    Safe for several threads and processes.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reset()

    @property
    def is_persistent(self) -> bool:
        """True if the ledger is in a file and outlives this process."""
        return self._path is not None

    @property
    def unreadable_count(self) -> int:
        """The number of lines that could not be decoded when the file was last read. They stay in the file."""
        return self._index.unreadable_count

    def claim(self, entry: Entry) -> str | None:
        """Record `entry` as being sent and return None; or return the reason why an earlier write blocks it.

        Raises StorageError if it cannot be recorded; then nothing must be sent.
        """
        with self._lock, self._writable("nothing was sent"):
            self._read_new_lines()
            reason = _why_blocked(entry, [old for old in self._index.entries.values() if old.conflicts_with(entry)])
            if reason is None:
                self._prune(entry.at)
                self._append([claim_line(entry)], synced=True)
        return reason

    def record(self, entry_id: str, at: float, progress: Progress, **facts: Any) -> None:
        """Record the progress of a write. Not synced: after a crash the outcome is looked up again.

        Raises StorageError.
        """
        self.append([state_line(entry_id, at, progress, facts)])

    def release(self, entry_id: str) -> None:
        """Record that no session tracks that write any more: the next one looks it up. Raises StorageError."""
        self.append([release_line(entry_id)])

    def append(self, lines: Iterable[bytes]) -> None:
        """Append `lines`, all or none. Raises StorageError."""
        with self._lock, self._writable():
            self._append(list(lines))

    def entries(self) -> list[Entry]:
        """Return all writes, oldest first, with all their states. Raises StorageError."""
        with self._lock:
            try:
                self._read_new_lines()
            except OSError as error:
                raise self._failure("read", error) from error
            return list(self._index.entries.values())

    def _reset(self) -> None:
        """Forget all that was read."""
        self._index = EntryIndex()
        self._offset, self._head, self._inode = 0, b"", 0

    @contextmanager
    def _writable(self, effect: str = "") -> Iterator[None]:
        """Lock the file against other processes, and create it if it is missing.

        Raises StorageError, with `effect`.
        """
        if self._path is None:
            yield
            return
        try:
            with Lock(self._path, LOCK_TIMEOUT_S):
                _create(self._path)
                yield
        except OSError as error:
            raise self._failure("written", error, effect) from error

    def _failure(self, action: str, error: OSError, effect: str = "") -> StorageError:
        return StorageError(
            f"the ledger {self._path} can't be {action}: {error.strerror or error}",
            effect=effect,
            hint="free disk space, or make yourself the owner of that file and its .lock file (chown)",
        )

    def _read_new_lines(self) -> None:
        """Read the lines appended since the last call. An incomplete last line is still being written: leave it."""
        if self._path is None:
            return
        try:
            with _open_regular(self._path, os.O_RDONLY) as file:
                if self._was_replaced(file):
                    self._reset()
                    self._inode = os.fstat(file.fileno()).st_ino
                file.seek(0)
                self._head = file.read(HEAD_BYTES)
                file.seek(self._offset)
                complete, _, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            self._reset()
            return
        if complete:
            self._offset += len(complete) + 1
            self._head = self._head[: self._offset]
            self._add_lines(complete.split(b"\n"))

    def _was_replaced(self, file: BinaryIO) -> bool:
        """Return True if the file is not the one that was read before, or was truncated."""
        status = os.fstat(file.fileno())
        return (
            status.st_ino != self._inode
            or status.st_size < self._offset
            or file.read(len(self._head[: self._offset])) != self._head[: self._offset]
        )

    def _add_lines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._index.add(line)

    def _append(self, lines: list[bytes], *, synced: bool = False) -> None:
        if self._path is None:
            self._add_lines(lines)
        else:
            _append_to(self._path, b"\n".join(lines), synced=synced)

    def _prune(self, now: float) -> None:
        """Replace the file by a smaller one if that is worth it. Errors are ignored: the next write tries again."""
        if self._path is None:
            return
        with suppress(OSError):
            content = prune(self._index, self._path, now)
            if content is not None:
                _replace(self._path, content)
                self._read_new_lines()


def _create(path: Path) -> None:
    """Create the file if it is missing, accessible to its owner only. Raises OSError."""
    path.touch(mode=OWNER_ONLY_FILE)
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise OSError(NO_FILE)
    if stat.S_IMODE(mode) != OWNER_ONLY_FILE:
        path.chmod(OWNER_ONLY_FILE)


def _open_regular(path: Path, flags: int) -> BinaryIO:
    """Open a regular file without blocking: opening a pipe would wait for its other end. Raises OSError."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file: BinaryIO = os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(NO_FILE)
    return file


def _append_to(path: Path, lines: bytes, *, synced: bool) -> None:
    """Append `lines`, on a new line if the last one is incomplete. With `synced`, return once they are on disk.

    A partial write is undone. Raises OSError.
    """
    with _open_regular(path, os.O_RDWR) as file:
        end = file.seek(0, os.SEEK_END)
        try:
            if end:
                file.seek(end - 1)
                lines = lines if file.read(1) == b"\n" else b"\n" + lines
            file.seek(end)
            file.write(lines + b"\n")
            file.flush()
            if synced:
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(file.fileno(), end)
            raise


def _replace(path: Path, text: bytes) -> None:
    """Replace the content of the file by `text` atomically. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise


def _why_blocked(entry: Entry, earlier: list[Entry]) -> str | None:
    """Return why the `earlier` writes to the same target block `entry`; None if they do not."""
    last = earlier[-1] if earlier else None
    if last is None:
        return None
    if last.progress is Progress.SENDING and not last.is_orphaned(entry.at):
        return f"another scaicore-tui (process {last.pid}) is writing to it now"
    if last.progress in (Progress.SENDING, Progress.UNKNOWN) and not (
        entry.kind is Kind.REPLAY and last.has_replay_run
    ):
        return MAY_STILL_ARRIVE
    if last.progress in (Progress.ACCEPTED, Progress.CONFIRMED) and entry.kind is not Kind.REPLAY:
        return f"it was already answered from this machine: {last.resolution}"
    return None
