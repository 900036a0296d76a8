"""Writes a server's log from a thread of its own: a reader that is slow, or a disk that is full, delays no request.

What waits to be written is bounded. Lines that find no room, and lines that could not be written, are dropped and
counted; the count is a line of the log as soon as one can be written again.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque

# Bytes of lines that wait: some thousand requests. A reader that takes none for so long reads no log any more.
MAX_WAITING = 1024 * 1024
# Bytes of one write: so many are written to a pipe as a whole, also where several processes share it (POSIX PIPE_BUF).
MAX_WRITE = 4096
# Seconds that what still waits at the end has to be written.
CLOSE_SECONDS = 2.0

_NOT_READ = "nothing read the log"


class LogWriter:
    """The log on one file descriptor. `write` never blocks, and may be called from any thread."""

    def __init__(self, descriptor: int, max_waiting: int = MAX_WAITING) -> None:
        self._descriptor = descriptor
        self._max_waiting = max_waiting
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._dropped = 0
        self._cause = ""
        self._is_closing = False
        self._changed = threading.Condition()
        # What a process that ends still has to write must not keep it from ending.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Put whole lines behind those that wait; they are dropped where there is no room."""
        data = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._waiting + len(data) > self._max_waiting:
                self._drop(data.count(b"\n"), _NOT_READ)
                return
            self._lines.append(data)
            self._waiting += len(data)
            self._changed.notify()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits, as far as that can be done in so many seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _drop(self, lines: int, cause: str) -> None:
        self._dropped += lines
        self._cause = cause

    def _run(self) -> None:
        begin = b""
        while (lines := self._take()) is not None:
            begin = self._write(begin, lines)
        if self._dropped:
            self._write(begin, b"")

    def _take(self) -> bytes | None:
        """The lines to write next; None at the end."""
        with self._changed:
            while not self._lines:
                if self._is_closing:
                    return None
                self._changed.wait()
            taken = [self._lines.popleft()]
            size = len(taken[0])
            while self._lines and size + len(self._lines[0]) <= MAX_WRITE:
                size += len(self._lines[0])
                taken.append(self._lines.popleft())
            self._waiting -= size
            return b"".join(taken)

    def _write(self, begin: bytes, lines: bytes) -> bytes:
        """Write the notice of what was dropped, and `lines` behind it; what the next write has to begin with."""
        with self._changed:
            told = self._dropped
            notice = f"{told} log {'line' if told == 1 else 'lines'} dropped: {self._cause}\n" if told else ""
        head = begin + notice.encode()
        data = head + lines
        written, failure = self._put(data)
        with self._changed:
            if written >= len(head):
                self._dropped -= told
            if failure:
                self._drop(data[max(written, len(head)) :].count(b"\n"), failure)
        if not written:
            return begin
        # Behind a line that was cut off, the next one still begins on a line of its own.
        return b"" if data[:written].endswith(b"\n") else b"\n"

    def _put(self, data: bytes) -> tuple[int, str]:
        """Write all of it, however long that takes: how many bytes were written, and what went wrong."""
        written = 0
        while written < len(data):
            try:
                written += os.write(self._descriptor, data[written:])
            except BlockingIOError:
                # Whoever shares the descriptor may have made it one that does not wait.
                select.select([], [self._descriptor], [])
            except OSError as error:
                return written, error.strerror or type(error).__name__
        return written, ""
