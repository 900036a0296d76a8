"""Writes a server's log from its own thread, so that a slow reader or a full disk delays no request.

The queue is bounded. Lines that do not fit, or cannot be written, are dropped and counted; the count is written to the
log as soon as a line can be written again.

The `QueueHandler` and `QueueListener` of logging would not do: their queue is bounded by records, not by bytes; they
report what does not fit on the very stream that nobody reads; and they wait without a limit for it at the end.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque

# About a thousand requests. A reader that falls so far behind has stopped reading.
MAX_QUEUED_BYTES = 1024 * 1024
# Writes up to this size reach a pipe as a whole, even if several processes share it (POSIX PIPE_BUF).
MAX_WRITE_BYTES = 4096
# Time to write the queued lines at the end.
CLOSE_TIMEOUT_S = 2.0

_QUEUE_FULL = "nothing read the log"


class LogWriter:
    """The log on one file descriptor. `write` never blocks and may be called from any thread."""

    def __init__(self, descriptor: int, max_queued_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._descriptor = descriptor
        self._max_queued_bytes = max_queued_bytes
        self._lines: deque[bytes] = deque()
        self._queued_bytes = 0
        self._dropped = 0
        self._cause = ""
        self._is_closing = False
        self._changed = threading.Condition()
        # A daemon thread, so that unwritten lines do not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Queue whole lines; drop them if the queue is full."""
        data = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._queued_bytes + len(data) > self._max_queued_bytes:
                self._drop(data.count(b"\n"), _QUEUE_FULL)
                return
            self._lines.append(data)
            self._queued_bytes += len(data)
            self._changed.notify()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write the queued lines, for at most `timeout_s` seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _drop(self, lines: int, cause: str) -> None:
        self._dropped += lines
        self._cause = cause

    def _run(self) -> None:
        prefix = b""
        while (lines := self._take()) is not None:
            prefix = self._write(prefix, lines)
        if self._dropped:
            self._write(prefix, b"")

    def _take(self) -> bytes | None:
        """Wait for lines and return those to write next; None at the end."""
        with self._changed:
            while not self._lines:
                if self._is_closing:
                    return None
                self._changed.wait()
            taken = [self._lines.popleft()]
            size = len(taken[0])
            while self._lines and size + len(self._lines[0]) <= MAX_WRITE_BYTES:
                size += len(self._lines[0])
                taken.append(self._lines.popleft())
            self._queued_bytes -= size
            return b"".join(taken)

    def _write(self, prefix: bytes, lines: bytes) -> bytes:
        """Write a notice of dropped lines, then `lines`. Return the bytes that the next write has to begin with."""
        with self._changed:
            count = self._dropped
            notice = f"{count} log {'line' if count == 1 else 'lines'} dropped: {self._cause}\n" if count else ""
        head = prefix + notice.encode()
        data = head + lines
        written, failure = self._put(data)
        with self._changed:
            if written >= len(head):
                self._dropped -= count
            if failure:
                self._drop(data[max(written, len(head)) :].count(b"\n"), failure)
        if not written:
            return prefix
        # After a line that was cut off, begin the next one on a line of its own.
        return b"" if data[:written].endswith(b"\n") else b"\n"

    def _put(self, data: bytes) -> tuple[int, str]:
        """Write all of `data`, however long that takes. Return the bytes written and the failure, if any."""
        written = 0
        while written < len(data):
            try:
                written += os.write(self._descriptor, data[written:])
            except BlockingIOError:
                # Another process that shares the descriptor may have made it non-blocking.
                select.select([], [self._descriptor], [])
            except OSError as error:
                return written, error.strerror or type(error).__name__
        return written, ""
