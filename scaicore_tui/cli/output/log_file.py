"""Write the log of `--log FILE`: JSON lines without tokens, in a few files that only their owner can read.

A thread formats and writes the records, so that a slow disk delays nothing. If the file cannot be written, the program
goes on without a log, and that is said once.
"""

from __future__ import annotations

import atexit
import copy
import logging
import os
import queue
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path

from scaicore_tui.cli.output.log_lines import LINE_HEAD, missing_record, to_line, unformatted_record
from scaicore_tui.disk_errors import os_error_text
from scaicore_tui.lock import OWNER_ONLY_FILE
from scaicore_tui.log import ROOT_LOGGER, LogMessage

# The files FILE, FILE.1, FILE.2 and FILE.3 have at most this size: a few days of one session.
MAX_FILE_BYTES = 5_000_000
MAX_OLD_FILES = 3
# Records that wait for a slow disk, about 10 MB; more are counted and dropped.
MAX_QUEUED_RECORDS = 10_000
# Time to write the queued records at the end.
CLOSE_TIMEOUT_S = 2.0
_TOO_SLOW = "it is written too slowly"
_OTHERS_MODE = 0o077


@contextmanager
def logging_to(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Write all records to the file at `path` inside the block. `say` gets one message if that fails."""
    log = LogFile(path, say)
    log.open()
    try:
        yield
    finally:
        log.close()


class LogFile:
    """The log in one file: from the loggers through a queue and a thread to the file."""

    def __init__(self, path: Path, say: Callable[[str], None], max_queued: int = MAX_QUEUED_RECORDS) -> None:
        self._name = path
        self._say = say
        self._has_reported = False
        self._queue: queue.Queue[logging.LogRecord] = queue.Queue(max_queued)
        self._input = _QueueInput(self._queue)
        self._file: _LogFileHandler | None = None
        self._listener: _Listener | None = None
        self._level_before = logging.NOTSET

    def open(self) -> None:
        """Begin to write. The file is opened now, so that a wrong path is reported before the app covers the screen."""
        try:
            self._file = _LogFileHandler(self._name, self._report)
            self._file.open()
        except OSError as error:
            self._report(os_error_text(error), "cannot be written")
            self._file = None
            return
        self._listener = _Listener(self._queue, self._file, self._input)
        self._listener.start()
        logger = logging.getLogger(ROOT_LOGGER)
        self._level_before = logger.level
        logger.setLevel(logging.INFO)
        logging.getLogger().addHandler(self._input)

    def close(self) -> None:
        """Write what is queued, for at most CLOSE_TIMEOUT_S, and close the file."""
        if self._listener is None or self._file is None:
            return
        logging.getLogger().removeHandler(self._input)
        logging.getLogger(ROOT_LOGGER).setLevel(self._level_before)
        if self._listener.stop_within(CLOSE_TIMEOUT_S):
            self._file.close()
        else:
            # The thread holds the file's lock, for which the end of the interpreter would wait.
            atexit.unregister(logging.shutdown)
            self._report("the disk did not take the last records in time")
        if self._input.dropped:
            self._report(_TOO_SLOW)

    def _report(self, reason: str, problem: str = "is not complete") -> None:
        """Say once that records are missing, and why."""
        if not self._has_reported:
            self._has_reported = True
            self._say(f"warning: the log {self._name} {problem}: {reason} · the program goes on without it")


class _QueueInput(QueueHandler):
    """Takes the records of all loggers and never waits. Of libraries it takes warnings and errors only."""

    def __init__(self, records: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(records)
        # Records that did not fit into the queue.
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; also print it as if there were no log, unless it is for the log only."""
        if record.levelno < logging.WARNING and record.name.partition(".")[0] != ROOT_LOGGER:
            return
        try:
            self.enqueue(self.prepare(record))
        except queue.Full:
            self.dropped += 1
        if not isinstance(record.msg, LogMessage) and logging.getLogger().handlers == [self]:
            _print_as_without_handlers(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return a copy whose message no longer depends on objects that may change."""
        if isinstance(record.msg, LogMessage):
            return record
        prepared = copy.copy(record)
        try:
            prepared.msg, prepared.args = record.getMessage(), None
        except Exception as error:  # noqa: BLE001  (no code may fail because its message cannot be formatted)
            return unformatted_record(error)
        return prepared


def _print_as_without_handlers(record: logging.LogRecord) -> None:
    """Print a record as Python does if a program has no handlers."""
    handler = logging.lastResort
    if handler is not None and record.levelno >= handler.level:
        handler.handle(record)


class _Listener(QueueListener):
    """The thread between queue and file."""

    _thread: threading.Thread | None

    def __init__(self, records: queue.Queue[logging.LogRecord], file: _LogFileHandler, source: _QueueInput) -> None:
        super().__init__(records, file)
        self._records = records
        self._source = source
        self._reported = 0

    def handle(self, record: logging.LogRecord) -> None:
        if missing := self._source.dropped - self._reported:
            self._reported += missing
            super().handle(missing_record(missing, _TOO_SLOW))
        super().handle(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return a record whose message is the finished line."""
        try:
            line = to_line(record)
        except Exception as error:  # noqa: BLE001  (the thread must live on)
            line = to_line(unformatted_record(error))
        return logging.makeLogRecord({"msg": line})

    def enqueue_sentinel(self) -> None:
        """Queue the end; if the queue is full, instead of its oldest record."""
        while True:
            try:
                super().enqueue_sentinel()
                return
            except queue.Full:
                with suppress(queue.Empty):
                    self._records.get_nowait()

    def stop_within(self, seconds: float) -> bool:
        """End the thread; return False if it is still writing after `seconds`."""
        self.enqueue_sentinel()
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()


class _LogFileHandler(RotatingFileHandler):
    """Appends lines to the file. Several processes may do so: each follows the path when another one rotates it."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        super().__init__(path, maxBytes=MAX_FILE_BYTES, backupCount=MAX_OLD_FILES, encoding="utf-8", delay=True)
        self._report = report
        # Records that could not be written since the last that could, and why.
        self._missing = 0
        self._reason = ""
        self._is_torn = False

    def open(self) -> None:
        """Open the file. Raises OSError."""
        self.stream = self._open()

    def _open(self) -> TextIOWrapper:
        """Open the file for appending, readable by its owner only. A pipe without a reader is an error, not a wait."""
        no_wait = getattr(os, "O_NONBLOCK", 0)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | no_wait
        descriptor = os.open(self.baseFilename, flags, OWNER_ONLY_FILE)
        try:
            mode = os.fstat(descriptor).st_mode
            self._is_torn = False
            if stat.S_ISREG(mode):
                self._is_torn = _is_torn(Path(self.baseFilename))
                if mode & _OTHERS_MODE and os.name == "posix":
                    os.fchmod(descriptor, OWNER_ONLY_FILE)
            if no_wait:
                os.set_blocking(descriptor, True)
        except OSError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, after rotating the file if it is full."""
        try:
            self._follow_path()
            if self.shouldRollover(record):
                self._rotate()
            self.stream = self.stream or self._open()
            if self._missing:
                self._write(self.stream.fileno(), to_line(missing_record(self._missing, self._reason)))
                self._missing = 0
            self._write(self.stream.fileno(), self.format(record))
        except Exception as error:  # noqa: BLE001  (the thread must live on)
            self._lose_record(error)

    def _lose_record(self, error: Exception) -> None:
        """Count the lost record, report the first, and open the file again for the next."""
        self._reason = os_error_text(error) if isinstance(error, OSError) else type(error).__name__
        self._missing += 1
        self._report(self._reason)
        self._close_stream()

    def _rotate(self) -> None:
        """Rotate the full file, unless another process has just done so: rotated twice, the oldest file would go."""
        with suppress(ImportError, OSError):
            import fcntl

            if self.stream is not None:
                # Released when the file is closed, which rotating it does.
                fcntl.flock(self.stream.fileno(), fcntl.LOCK_EX)
                self._follow_path()
        if self.stream is not None:
            with suppress(FileNotFoundError):
                self.doRollover()

    def _follow_path(self) -> None:
        """Close the file if another one is at its path now: it was rotated or deleted."""
        if self.stream is None:
            return
        try:
            there = os.stat(self.baseFilename)  # noqa: PTH116  (the attribute of the base class is a text)
        except FileNotFoundError:
            self._close_stream()
            return
        if not os.path.samestat(there, os.fstat(self.stream.fileno())):
            self._close_stream()

    def _close_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()

    def _write(self, descriptor: int, line: str) -> None:
        """Write a line at once, without a buffer that would keep what a full disk refused."""
        start = "\n" if self._is_torn else ""
        data = memoryview(f"{start}{line}\n".encode())
        while data:
            written = os.write(descriptor, data)
            self._is_torn = written < len(data)
            data = data[written:]


def _is_torn(path: Path) -> bool:
    """Return True if the last line of a log is not complete. Raises OSError if the file has something else in it."""
    with path.open("rb") as file:
        head = file.read(len(LINE_HEAD))
        if not LINE_HEAD.startswith(head):
            raise OSError("the file has something else in it than a log: it is left as it is")
        if not head:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
