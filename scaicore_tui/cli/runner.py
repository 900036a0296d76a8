"""Run a coroutine until it ends or a signal cancels it. Cleaning up has a time limit."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from scaicore_tui.cli.output.stderr import EXIT_INTERRUPTED, report_error, report_internal_error
from scaicore_tui.signals import signal_handlers
from scaicore_tui.text import sanitize

# Time to clean up: a write to a blocked terminal, or a DNS lookup, may never end.
CLEANUP_TIMEOUT_S = 5
# Signals that end the program, as far as this system has them.
ENDING_SIGNALS = [getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM") if hasattr(signal, name)]


def run(work: Coroutine[Any, Any, int | None]) -> int:
    """Run `work` and return its exit code. A signal cancels it; then the code is 128 plus the signal's number."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(RedactedFormatter())
    failures: list[BaseException] = []

    def failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), BaseException):
            failures.append(context["exception"])
        else:
            loop.default_exception_handler(context)

    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(failed)
        code = runner.run(_until_signalled(work))
    _exit_after(0, code)
    if failures:
        report_internal_error(failures[0])
    return code


class RedactedFormatter(logging.Formatter):
    """Formats log records of libraries without values: the message text, and the source locations of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the first line of the message, as values are in later lines, and the trace of its error."""
        from scaicore_tui.cli.output import crash

        lines = [sanitize(f"{record.name}: {crash.without_values(record.getMessage())}")]
        if record.exc_info and record.exc_info[1] is not None:
            lines += crash.format_trace(record.exc_info[1])
        return "\n".join(lines)


async def _until_signalled(work: Coroutine[Any, Any, int | None]) -> int:
    """Return the exit code. Errors are reported while the loop still runs, as threads may keep it from closing."""
    with _cancelled_by_signals() as caught:
        try:
            code = await work or 0
            sys.stdout.flush()
        except asyncio.CancelledError:
            if not caught:
                raise
            code = EXIT_INTERRUPTED
        except Exception as error:  # noqa: BLE001  (reported here or nowhere)
            code = report_error(error)
    code = 128 + caught[0] if caught else code
    _exit_after(CLEANUP_TIMEOUT_S, code)
    return code


@contextmanager
def _cancelled_by_signals() -> Iterator[list[int]]:
    """Cancel the current task on the first signal; yield the list of received signals.

    The handlers are the interpreter's, not the loop's: they also run while the loop is blocked by a terminal. Signals
    that were ignored at the start stay ignored.
    """
    loop, task, caught = asyncio.get_running_loop(), asyncio.current_task(), list[int]()

    def end(number: int, _frame: FrameType | None) -> None:
        if not caught and task is not None:
            _exit_after(CLEANUP_TIMEOUT_S, 128 + number)
            loop.call_soon_threadsafe(task.cancel)
        caught.append(number)

    handled = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    with signal_handlers(handled, end):
        yield caught


def _exit_after(seconds: int, code: int) -> None:
    """End the process with `code` after `seconds`, if it still runs; 0 cancels this."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
        signal.alarm(seconds)
