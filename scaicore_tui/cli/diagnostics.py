"""The only place that writes standard error and decides the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.text import one_line, safe

INTERRUPTED = 130

_quiet = False


def hush(quiet: bool) -> None:
    """Whether to leave out everything but errors."""
    global _quiet
    _quiet = quiet


def say(message: str) -> None:
    """Talk, for people."""
    if not _quiet:
        sys.stderr.write(safe(message) + "\n")
        sys.stderr.flush()


def prompt(question: str) -> None:
    """A question, to be answered behind it."""
    sys.stderr.write(f"{safe(question)}: ")
    sys.stderr.flush()


def complain(error: ScaicoreError) -> int:
    """Say what failed, what was kept and what to do; the exit code."""
    sys.stderr.write(f"scaicore-tui: {one_line(str(error))}\n")
    return error.exit_code


def _abort() -> type[Exception]:
    """What typer raises where a question is left; only looked at where something was raised."""
    import typer

    return typer.Abort


def guarded(command: Callable[[], int | None]) -> int:
    """Run a command to its exit code, whatever it raises that a person can do something about."""
    try:
        code = command() or 0
        sys.stdout.flush()
    except ScaicoreError as error:
        return complain(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except _abort():
        say("")  # ends the line of the question that was left
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
