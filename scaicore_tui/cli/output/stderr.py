"""Write standard error and map errors to exit codes. No other module does either."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scaicore_tui.cli.output.streams import ReaderClosed
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.text import one_line, sanitize

if TYPE_CHECKING:
    from scaicore_tui.servers.log_writer import LogWriter

EXIT_INTERNAL_ERROR = 70
EXIT_INTERRUPTED = 130

_log = Log(__name__)
_quiet = False
# If set, a thread writes the text, so that the caller does not wait.
_background: LogWriter | None = None
# If set, messages are kept here, until the app leaves the terminal.
_held: list[str] | None = None

# Errors of a write that mean that the terminal or the reader of standard error is gone.
_GONE_ERRNOS = frozenset((errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET))


def set_quiet(quiet: bool) -> None:
    """Set whether to print only errors and warnings."""
    global _quiet
    _quiet = quiet


def say(message: str) -> None:
    """Print a message for people, unless `--quiet` is set."""
    if not _quiet:
        _write(f"{message}\n")


def warn(message: str) -> None:
    """Print a problem that does not end the program; also with `--quiet`."""
    _write(f"{message}\n")


def log(entry: Mapping[str, object]) -> None:
    """Print a log entry as one line of JSON, unless `--quiet` is set."""
    if not _quiet:
        _write(f"{json.dumps(entry)}\n")


@contextmanager
def in_background() -> Iterator[None]:
    """Write from a thread inside the block, so that a slow reader of standard error delays nothing."""
    from scaicore_tui.servers.log_writer import LogWriter

    global _background
    try:
        _background = LogWriter(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        # It is closed or not a file: writing it does not block.
        yield
        return
    try:
        yield
    finally:
        _background.close()
        _background = None


@contextmanager
def held() -> Iterator[None]:
    """Keep all messages inside the block, and print them at its end: meanwhile the app covers the terminal."""
    global _held
    _held = []
    try:
        yield
    finally:
        kept, _held = _held, None
        _write("".join(kept))


def prompt(question: str) -> None:
    """Print a question; the answer is typed on the same line."""
    _write(f"{question}: ")


def write_sequence(sequence: str) -> None:
    """Write a control sequence (bell, notification), only if standard error is a terminal."""
    if sequence and sys.stderr.isatty():
        sys.stderr.write(sequence)
        sys.stderr.flush()


def report_error(error: BaseException) -> int:
    """Print the error with its effect and hint; return the exit code."""
    match error:
        case ScaicoreError():
            _log.error("failed", exit_code=error.exit_code, **error_fields(error))
            _write(f"scaicore-tui: {one_line(str(error))}\n")
            return error.exit_code
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED
        case BrokenPipeError() | ReaderClosed():
            # The reader needs no more output. Without this, Python reports the error again when it flushes at exit.
            _redirect_to_null(sys.stdout.fileno())
            return 0
    if isinstance(error, _abort_type()):
        say("")  # ends the line of the question that was left
        return EXIT_INTERRUPTED
    return report_internal_error(error)


def run_guarded(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code; report any error that it raises."""
    try:
        code = command() or 0
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (reported here or nowhere)
        return report_error(error)
    return code


def report_internal_error(error: BaseException) -> int:
    """Print an internal error in one line and write a report of it; return the exit code. Neither contains data."""
    from scaicore_tui.cli.output import crash
    from scaicore_tui.clock import SystemClock
    from scaicore_tui.config.paths import state_dir
    from scaicore_tui.disk_errors import disk_failure

    error = crash.root_cause(error)
    if isinstance(error, ScaicoreError):
        return report_error(error)
    if (storage_error := disk_failure(error)) is not None:
        return report_error(storage_error)
    if _log.is_on:
        _log.error("internal error", where=crash.location(error), trace=list(crash.format_trace(error)))
    try:
        report = crash.write_report(error, state_dir(), SystemClock().now())
        saved = f"report saved to {report}; attach it to a bug report (it contains no data)"
    except (OSError, ScaicoreError) as failure:
        saved = f"no report could be saved: {getattr(failure, 'strerror', None) or failure}"
    effect = "your journal and ledger are intact"
    _write(f"scaicore-tui: internal error: {crash.location(error)} · {effect} · {saved}\n")
    return EXIT_INTERNAL_ERROR


def _abort_type() -> type[Exception]:
    """Return the exception that typer raises for an unanswered question. Importing typer takes time, hence late."""
    import typer

    return typer.Abort


def _write(text: str) -> None:
    if _held is not None:
        _held.append(text)
        return
    if _background is not None:
        _background.write(sanitize(text))
        return
    if sys.stderr is None:
        # It was closed before the program started.
        return
    try:
        sys.stderr.write(sanitize(text))
        sys.stderr.flush()
    except OSError as error:
        if error.errno in _GONE_ERRNOS:
            # Nobody can read the message. Without this, Python reports the error again when it flushes at exit.
            _redirect_to_null(sys.stderr.fileno())
        else:
            _reopen()


def _reopen() -> None:
    """Replace the stream, to drop the text that could not be written: a full disk may have space for the next."""
    old = sys.stderr
    sys.stderr = os.fdopen(old.fileno(), "w", 1, old.encoding, old.errors, closefd=False)


def _redirect_to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
