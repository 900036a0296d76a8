"""Runs what is asynchronous to its end, or until a signal ends it. Whatever hangs then does not hold up the process."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from scaicore_tui.cli.output.stderr import EXIT_INTERRUPTED, report_error, report_internal_error
from scaicore_tui.signals import signal_handlers
from scaicore_tui.text import sanitize

# So many seconds there are to clean up in: a terminal that takes nothing, or a name that is looked up, may have no end.
CLEANUP_TIMEOUT_S = 5
# Those of them that this system has.
ENDING_SIGNALS = [getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM") if hasattr(signal, name)]


def run(work: Coroutine[Any, Any, int | None]) -> int:
    """The exit code of `work`; 128 and a signal's number where that ended it: it is cancelled, and cleans up."""
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
    """What libraries have to say, without the values that they print: their words, and where something failed."""

    def format(self, record: logging.LogRecord) -> str:
        """Of a message its first line, as the values come behind it."""
        words = re.sub("<.*>", "<…>", record.getMessage().partition("\n")[0])
        lines = [sanitize(f"{record.name}: {words}")]
        if record.exc_info and record.exc_info[1] is not None:
            from scaicore_tui.cli.output import crash

            lines += crash.format_trace(record.exc_info[1])
        return "\n".join(lines)


async def _until_signalled(work: Coroutine[Any, Any, int | None]) -> int:
    """Its exit code. What it raises is told while the loop still runs: threads may keep that from closing."""
    with _cancelled_by_signals() as caught:
        try:
            code = await work or 0
            sys.stdout.flush()
        except asyncio.CancelledError:
            if not caught:
                raise
            code = EXIT_INTERRUPTED
        except Exception as error:  # noqa: BLE001  (nobody else could tell of it)
            code = report_error(error)
    code = 128 + caught[0] if caught else code
    _exit_after(CLEANUP_TIMEOUT_S, code)
    return code


@contextmanager
def _cancelled_by_signals() -> Iterator[list[int]]:
    """Cancel what runs in here with the first signal; yields the signals that came.

    These are handlers of the interpreter, and not the loop's: they also run while that waits for a terminal. What is
    ignored from the start stays so.
    """
    loop, task, caught = asyncio.get_running_loop(), asyncio.current_task(), list[int]()

    def end(number: int, _frame: FrameType | None) -> None:
        if not caught and task is not None:
            _exit_after(CLEANUP_TIMEOUT_S, 128 + number)
            loop.call_soon_threadsafe(task.cancel)
        caught.append(number)

    heeded = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    with signal_handlers(heeded, end):
        yield caught


def _exit_after(seconds: int, code: int) -> None:
    """End the process in so many seconds with that code, if it still runs; with none, let it run."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
        signal.alarm(seconds)
