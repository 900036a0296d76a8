"""Run the command of an alert: no shell, no token in its environment, limited time, and its output is not read."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

from scaicore_tui.config.tokens import API_KEY_VARIABLE, TOKEN_VARIABLE, VAULT_TOKEN
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.secrets import MASK, replace_known
from scaicore_tui.text import one_line

COMMAND_TIMEOUT_S = 30.0
_TOKEN_VARIABLES = frozenset((TOKEN_VARIABLE, API_KEY_VARIABLE, VAULT_TOKEN))


async def run_command(
    arguments: Sequence[str],
    line: bytes,
    variables: Mapping[str, str],
    env: Mapping[str, str],
    timeout_s: float = COMMAND_TIMEOUT_S,
) -> None:
    """Run a command with a notice as its input: one line of JSON. Raises ScaicoreError if it fails or takes too long.

    It gets the environment `env` with `variables`, without those that hold tokens.
    """
    name = one_line(arguments[0], 60)
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            env=_without_tokens(env) | dict(variables),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScaicoreError(f"cannot run {name}: {reason}", hint="give its full path") from None
    try:
        async with asyncio.timeout(timeout_s):
            await process.communicate(line + b"\n")
    except TimeoutError:
        raise ScaicoreError(f"{name} did not end within {timeout_s:g} s, and was stopped") from None
    finally:
        await _end(process)
    if process.returncode:
        raise ScaicoreError(f"{name} ended with code {process.returncode}")


async def _end(process: Process) -> None:
    """Kill the command with its process group if it still runs."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()


def _without_tokens(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in env.items()
        if name not in _TOKEN_VARIABLES and replace_known(value, lambda _: MASK) == value
    }
