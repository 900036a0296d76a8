"""Asks a person on the terminal.

The event loop waits for the line, and not `input`: the line editor that `input` brings misses a Ctrl-C that comes just
before it begins to wait, and then waits on.
"""

from __future__ import annotations

import asyncio
import sys

import typer

from scaicore_tui.cli.output.stderr import prompt, say


async def ask(question: str) -> str:
    """The line that a person answers with. Raises typer.Abort where there will be none."""
    prompt(question)
    try:
        line = await _line()
    except asyncio.CancelledError:
        say("")  # ends the line of the question that was left
        raise
    if not line:
        raise typer.Abort
    return line.strip()


async def confirm(question: str) -> bool:
    """Whether a person says yes; asked again until it is a yes or a no, where nothing is a no."""
    while True:
        said = (await ask(f"{question} [y/N]")).lower()
        if said in ("", "n", "no", "y", "yes"):
            return said in ("y", "yes")


async def _line() -> str:
    """The next line of standard input; empty at its end."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), ready.set)
    except NotImplementedError:  # the loop of Windows waits for sockets alone
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
