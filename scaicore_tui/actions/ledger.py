"""The ledger: every write that was ever asked for, as JSON lines, each synced to disk before it goes out.

It is also what makes a write happen once when several processes of this program run: a write is claimed here first.
What it never holds is a secret.

Lines are only appended, and read once, but for one case: what is long finished is pruned, into a new file that takes
the place of the old one. Everything blocks: `LedgerWorker` keeps it off the event loop.
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

# Another process may hold the lock for so many seconds.
LOCK_TIMEOUT_S = 10.0
# So many bytes of its beginning tell a file from the one that it took the place of.
HEAD_BYTES = 64
NO_FILE = "it is no regular file"


class Ledger:
    """The ledger in a file, made with the first write, readable by its owner only; or without a file, in memory.

    May be used by several threads and processes.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reset()

    @property
    def is_persistent(self) -> bool:
        """Whether it outlives this process."""
        return self._path is not None

    @property
    def unreadable_count(self) -> int:
        """How many lines could not be read, as of the latest look. They stay in the file."""
        return self._index.unreadable_count

    def claim(self, entry: Entry) -> str | None:
        """Write `entry` down as being sent, unless an earlier write forbids it: then the reason.

        Raises StorageError where it can't be written down; nothing must be sent then.
        """
        with self._lock, self._writable("nothing was sent"):
            self._read_new_lines()
            reason = _why_blocked(entry, [old for old in self._index.entries.values() if old.conflicts_with(entry)])
            if reason is None:
                self._prune(entry.at)
                self._append([claim_line(entry)], synced=True)
        return reason

    def record(self, entry_id: str, at: float, progress: Progress, **facts: Any) -> None:
        """Write down how far a write got. Not synced: what a crash takes of this is looked up again.

        Raises StorageError.
        """
        self.append([state_line(entry_id, at, progress, facts)])

    def release(self, entry_id: str) -> None:
        """Write down that nobody waits for that write any more: the next session looks it up. Raises StorageError."""
        self.append([release_line(entry_id)])

    def append(self, lines: Iterable[bytes]) -> None:
        """Write lines down, all of them or none. Raises StorageError."""
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
        """Nothing was read yet."""
        self._index = EntryIndex()
        self._offset, self._head, self._inode = 0, b"", 0

    @contextmanager
    def _writable(self, effect: str = "") -> Iterator[None]:
        """Alone among the processes that share the file, which is made where there is none. Raises StorageError, which
        says what is `kept`."""
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
            hint="free disk space, or make that file and its .lock file your own (chown)",
        )

    def _read_new_lines(self) -> None:
        """Take in the lines that were written since the last time. One without its end is still being written."""
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
                whole, _, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            self._reset()
            return
        if whole:
            self._offset += len(whole) + 1
            self._head = self._head[: self._offset]
            self._add_lines(whole.split(b"\n"))

    def _was_replaced(self, file: BinaryIO) -> bool:
        """Whether it is not the file that was read before, or was cut."""
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
        """Put a smaller file in the place of this one, where that is worth it. Whatever keeps it from that may."""
        if self._path is None:
            return
        with suppress(OSError):
            kept = prune(self._index, self._path, now)
            if kept is not None:
                _replace(self._path, kept)
                self._read_new_lines()


def _create(path: Path) -> None:
    """Make the file where there is none, for its owner only."""
    path.touch(mode=OWNER_ONLY_FILE)
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise OSError(NO_FILE)
    if stat.S_IMODE(mode) != OWNER_ONLY_FILE:
        path.chmod(OWNER_ONLY_FILE)


def _open_regular(path: Path, flags: int) -> BinaryIO:
    """Open a file, and nothing that only looks like one: opening a pipe would wait for its other end."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file: BinaryIO = os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(NO_FILE)
    return file


def _append_to(path: Path, lines: bytes, *, synced: bool) -> None:
    """Append lines, behind a cut-off one on a new line; where `synced`, return when the disk has them.

    What could be written in part only is taken back. Raises OSError.
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
    """Put `text` in the place of the file, all of it or nothing, whenever the machine stops. Raises OSError."""
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
    """Why `entry` may not be sent after the `earlier` writes to the same target."""
    last = earlier[-1] if earlier else None
    if last is None:
        return None
    if last.progress is Progress.SENDING and not last.is_orphaned(entry.at):
        return f"another scaicore-tui (process {last.pid}) is sending to it"
    if last.progress in (Progress.SENDING, Progress.UNKNOWN) and not (
        entry.kind is Kind.REPLAY and last.has_replay_run
    ):
        return MAY_STILL_ARRIVE
    if last.progress in (Progress.ACCEPTED, Progress.CONFIRMED) and entry.kind is not Kind.REPLAY:
        return f"it was answered from this machine: {last.resolution}"
    return None
