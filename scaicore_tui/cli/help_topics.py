"""`help`: show a manual page, or the help of a command, in a pager if there is a terminal."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import typer

from scaicore_tui.cli import manual
from scaicore_tui.cli.help import commands
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stdout import use_colour
from scaicore_tui.errors import UsageError
from scaicore_tui.signals import signal_handlers

# Line length of a page when the output is not a terminal, as man does it.
PIPE_WIDTH = 80
MAX_WIDTH = 100
MIN_WIDTH = 40
PROGRAM = "scaicore-tui"
PAGER = "less"
# less: leave a short page on the screen, show bold text.
_LESS_OPTIONS = "FRX"


def show_help(program: Any, names: Sequence[str], *, no_color: bool) -> None:
    """Show the page of a topic, or the help of a command of `program`.

    Raises:
        UsageError: there is no such topic or command; the hint lists all topics.
    """
    topic = " ".join(names)
    known = commands(program)
    if topic in manual.PAGES:
        _show(manual.render(manual.source(topic), _width(), bold=use_colour(no_color)))
    elif topic in known:
        parent = typer.Context(program, info_name=PROGRAM, **program.context_settings)
        _show(known[topic].get_help(typer.Context(known[topic], info_name=topic, parent=parent)))
    else:
        topics = ", ".join(filter(None, manual.TOPICS))
        raise UsageError(f"no help on {topic!r}", hint=f"topics: {topics}; or a command: {', '.join(known)}")


def _width() -> int:
    return max(MIN_WIDTH, min(stdout.width() if sys.stdout.isatty() else PIPE_WIDTH, MAX_WIDTH))


def _show(text: str) -> None:
    """Show the text in the user's pager; print it if there is no terminal or no pager."""
    pager = shlex.split(os.environ.get("PAGER", PAGER))
    if not pager or not (sys.stdin.isatty() and sys.stdout.isatty()) or not _page(pager, text):
        stdout.line(text.rstrip("\n"))


def _page(pager: Sequence[str], text: str) -> bool:
    """Run the pager and return whether it could be started. While it runs, only the pager handles interrupts."""
    stdout.flush()
    environment = {"LESS": _LESS_OPTIONS, **os.environ}
    with signal_handlers([signal.SIGINT], lambda *_: None):
        try:
            subprocess.run(pager, input=text.encode(), env=environment, check=False)  # noqa: S603  (chosen by the user)
        except OSError:
            return False
    return True
