"""Runs a person's `token_command`: without a shell, without the terminal, and not for long."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

from scaicore_tui.errors import CredentialsError
from scaicore_tui.secret import Secret
from scaicore_tui.text import one_line

SECONDS = 30.0
# What a program says of its failure may quote what it failed with.
_TOKENS = re.compile(r"[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?|\bsgk_\w+", re.ASCII)
_MAX_WORDS = 160


async def run_command(arguments: Sequence[str], seconds: float = SECONDS) -> Secret:
    """The token that the command prints, and nothing else. Raises CredentialsError where it does not.

    It gets no input and no terminal: what it would ask, nobody could answer.
    """
    name = one_line(arguments[0], 40)
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except OSError as error:
        raise _failure(f"can't run {name}: {error.strerror}") from None
    try:
        async with asyncio.timeout(seconds):
            said, talk = await process.communicate()
    except TimeoutError:
        raise _failure(f"{name} printed no token within {seconds:g} s") from None
    finally:
        await _end(process)
    if process.returncode:
        raise _failure(f"{name} ended with code {process.returncode}{_last_words(talk)}")
    text = said.decode("utf-8", "replace").strip()
    token = Secret(text)
    if not token.is_sendable:
        raise _failure(f"{name} printed {'something that is no token' if text else 'nothing'}{_last_words(talk)}")
    return token


async def _end(process: Process) -> None:
    """Let it not outlive the question, nor what it started."""
    if process.returncode is not None:
        return
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass  # it ended just now
    await process.wait()


def _last_words(talk: bytes) -> str:
    """The last line that it said on standard error, without what may be a token."""
    lines = talk.decode("utf-8", "replace").strip().splitlines()
    return f": {one_line(_TOKENS.sub('…', lines[-1]), _MAX_WORDS)}" if lines else ""


def _failure(words: str) -> CredentialsError:
    return CredentialsError(f"token_command: {words}", hint="run it by hand; it has to print the token alone")
