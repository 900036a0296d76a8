"""Ask a person on the terminal.

The event loop waits for the line, instead of `input`: its line editor misses a Ctrl-C that arrives just before it
starts to wait.
"""

from __future__ import annotations

import asyncio
import sys

import typer

from scaicore_tui.cli.output.stderr import prompt, say


async def ask(question: str) -> str:
    """Print the question and return the answer, stripped. Raises typer.Abort at the end of standard input."""
    prompt(question)
    try:
        line = await _line()
    except asyncio.CancelledError:
        say("")  # ends the line of the unanswered question
        raise
    if not line:
        raise typer.Abort
    return line.strip()


async def confirm(question: str) -> bool:
    """Ask until the answer is yes or no; return True for yes. An empty answer means no."""
    while True:
        answer = (await ask(f"{question} [y/N]")).lower()
        if answer in ("", "n", "no", "y", "yes"):
            return answer in ("y", "yes")


async def _line() -> str:
    """Read a line of standard input; empty at its end."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin.fileno(), ready.set)
    except NotImplementedError:  # the event loop of Windows can only wait for sockets
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
