"""The only place that writes standard error and decides the exit code."""

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
from scaicore_tui.text import one_line, sanitize

if TYPE_CHECKING:
    from scaicore_tui.servers.log_writer import LogWriter

EXIT_INTERNAL_ERROR = 70
EXIT_INTERRUPTED = 130

_quiet = False
# Writes in place of this module's own caller, where that must not wait.
_background: LogWriter | None = None

# What standard error fails with once nobody can ever read it: its terminal or its reader is gone.
_GONE_ERRNOS = frozenset((errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET))


def set_quiet(quiet: bool) -> None:
    """Whether to leave out everything but errors."""
    global _quiet
    _quiet = quiet


def say(message: str) -> None:
    """Talk, for people."""
    if not _quiet:
        _write(f"{message}\n")


def warn(message: str) -> None:
    """Say what went wrong while the program goes on; also with `--quiet`."""
    _write(f"{message}\n")


def log(entry: Mapping[str, object]) -> None:
    """One line of a log, as JSON, for programs."""
    if not _quiet:
        _write(f"{json.dumps(entry)}\n")


@contextmanager
def in_background() -> Iterator[None]:
    """Write from a thread meanwhile: whoever reads standard error slowly, or not at all, holds nothing up."""
    from scaicore_tui.servers.log_writer import LogWriter

    global _background
    try:
        _background = LogWriter(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        # It is closed, or no file: then nobody waits for it either.
        yield
        return
    try:
        yield
    finally:
        _background.close()
        _background = None


def prompt(question: str) -> None:
    """A question, to be answered behind it."""
    _write(f"{question}: ")


def write_sequence(sequence: str) -> None:
    """Call whoever sits at the terminal, if there is one."""
    if sequence and sys.stderr.isatty():
        sys.stderr.write(sequence)
        sys.stderr.flush()


def report_error(error: BaseException) -> int:
    """Say what failed, what was kept and what to do; the exit code."""
    match error:
        case ScaicoreError():
            _write(f"scaicore-tui: {one_line(str(error))}\n")
            return error.exit_code
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED
        case BrokenPipeError() | ReaderClosed():
            # Whoever read us has seen enough. Python would complain again when it flushes at exit.
            _redirect_to_null(sys.stdout.fileno())
            return 0
    if isinstance(error, _abort_type()):
        say("")  # ends the line of the question that was left
        return EXIT_INTERRUPTED
    return report_internal_error(error)


def run_guarded(command: Callable[[], int | None]) -> int:
    """Run a command to its exit code, whatever it raises."""
    try:
        code = command() or 0
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (nobody else could tell of it)
        return report_error(error)
    return code


def report_internal_error(error: BaseException) -> int:
    """Keep a report of what is a mistake of ours, and say so in one line: nothing of what was handled is in either."""
    from scaicore_tui.cli.output import crash
    from scaicore_tui.clock import SystemClock
    from scaicore_tui.config.paths import state_dir
    from scaicore_tui.disk_errors import disk_failure

    error = crash.root_cause(error)
    if isinstance(error, ScaicoreError):
        return report_error(error)
    if (failure := disk_failure(error)) is not None:
        return report_error(failure)
    try:
        where = (
            f"please report it with {crash.write_report(error, state_dir(), SystemClock().now())}, which holds no data"
        )
    except (OSError, ScaicoreError) as trouble:
        where = f"no report could be written: {getattr(trouble, 'strerror', None) or trouble}"
    kept = "journal and ledger hold what came before"
    _write(f"scaicore-tui: a mistake of its own: {crash.location(error)} · {kept} · {where}\n")
    return EXIT_INTERNAL_ERROR


def _abort_type() -> type[Exception]:
    """What typer raises where a question is left; only looked at where something was raised."""
    import typer

    return typer.Abort


def _write(text: str) -> None:
    if _background is not None:
        _background.write(sanitize(text))
        return
    if sys.stderr is None:
        # It was closed before the program began.
        return
    try:
        sys.stderr.write(sanitize(text))
        sys.stderr.flush()
    except OSError as error:
        if error.errno in _GONE_ERRNOS:
            # Nobody is there to be told; Python would complain again when it flushes at exit.
            _redirect_to_null(sys.stderr.fileno())
        else:
            _reopen()


def _reopen() -> None:
    """Leave behind what could not be written. A disk that is full may have room again for what is said next."""
    old = sys.stderr
    sys.stderr = os.fdopen(old.fileno(), "w", 1, old.encoding, old.errors, closefd=False)


def _redirect_to_null(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
