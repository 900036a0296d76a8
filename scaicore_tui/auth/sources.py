"""Runs a person's `token_command`: without a shell, without the terminal, and not for long."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scaicore_tui.errors import CredentialsError, Unreachable
from scaicore_tui.secrets import Secret
from scaicore_tui.text import one_line

if TYPE_CHECKING:
    import httpx
COMMAND_TIMEOUT_S = 30.0
# In bytes: more is no token.
MAX_OUTPUT_BYTES = 64 * 1024
MAX_STDERR_BYTES = 1024 * 1024
STDOUT, STDERR = 1, 2
# What a program says of its failure may quote what it failed with.
_TOKENS = re.compile(r"[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?|\bsgk_\w+", re.ASCII)
_MAX_WORDS = 160
# Looking for tokens takes time in proportion to the square of this.
_MAX_LINE = 1_000


async def run_command(arguments: Sequence[str], seconds: float = COMMAND_TIMEOUT_S) -> Secret:
    """The token that the command prints, and nothing else. Raises CredentialsError where it does not.

    It gets no input and no terminal: what it would ask, nobody could answer. It is over when the command itself has
    ended, whatever it left running in the background with our pipes.
    """
    name = one_line(arguments[0], 40)
    try:
        transport, run = await asyncio.get_running_loop().subprocess_exec(
            _Run, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise _failure(f"can't run {name}: {getattr(error, 'strerror', None) or error}") from None
    try:
        async with asyncio.timeout(seconds):
            await run.ended.wait()
        run.read_rest(transport)
    except TimeoutError:
        raise _failure(f"{name} printed no token within {seconds:g} s") from None
    finally:
        await _end(transport, run)
    talk = bytes(run.talk)
    if run.is_too_long:
        raise _failure(f"{name} printed far more than a token, and was ended{_last_words(talk)}")
    if code := transport.get_returncode():
        raise _failure(f"{name} ended with code {code}{_last_words(talk)}")
    text = run.said.decode("utf-8", "replace").strip()
    token = Secret(text)
    if not token.is_sendable:
        raise _failure(f"{name} printed {'something that is no token' if text else 'nothing'}{_last_words(talk)}")
    return token


class _Run(asyncio.SubprocessProtocol):
    """One run of a command: `ended` is set when it `exited`, or when it printed too much to be a token."""

    def __init__(self) -> None:
        self.said, self.talk = bytearray(), bytearray()
        self._talked = 0
        self.ended, self.exited = asyncio.Event(), asyncio.Event()

    @property
    def is_too_long(self) -> bool:
        return len(self.said) > MAX_OUTPUT_BYTES or self._talked > MAX_STDERR_BYTES

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == STDOUT:
            self.said += data[: MAX_OUTPUT_BYTES + 1 - len(self.said)]
        else:
            # Of the talk its last words are told.
            self.talk = (self.talk + data)[-MAX_OUTPUT_BYTES:]
            self._talked += len(data)
        if self.is_too_long:
            self.ended.set()

    def process_exited(self) -> None:
        self.exited.set()
        # What was read from a pipe in this turn of the loop is handed on in the next one: wait for that.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.ended.set)

    def read_rest(self, transport: asyncio.SubprocessTransport) -> None:
        """Take what the command printed just before it ended, without waiting for whoever else holds the pipes."""
        for fd in (STDOUT, STDERR):
            pipe = transport.get_pipe_transport(fd)
            file = None if pipe is None or pipe.is_closing() else pipe.get_extra_info("pipe")
            if file is not None and os.name == "posix":
                with suppress(BlockingIOError):
                    self.pipe_data_received(fd, os.read(file.fileno(), 2 * MAX_OUTPUT_BYTES))


async def _end(transport: asyncio.SubprocessTransport, run: _Run) -> None:
    """Let it not outlive the question, nor what it started; what it left behind when it ended by itself may go on."""
    if transport.get_returncode() is None:
        with suppress(ProcessLookupError):  # it ended just now
            if os.name == "posix":
                os.killpg(transport.get_pid(), signal.SIGKILL)
            else:
                transport.kill()
        await run.exited.wait()
    transport.close()


def _last_words(talk: bytes) -> str:
    """The last line that it said on standard error, without what may be a token."""
    lines = talk.decode("utf-8", "replace").strip().splitlines()
    if not lines or (len(lines) == 1 and len(talk) >= MAX_OUTPUT_BYTES):
        return ""  # of a line whose beginning is lost nobody knows which part of a token is left
    return f": {one_line(_TOKENS.sub('…', lines[-1][:_MAX_LINE]), _MAX_WORDS)}"


def _failure(words: str) -> CredentialsError:
    return CredentialsError(f"token_command: {words}", hint="run it by hand; it has to print the token alone")


VAULT_TIMEOUT_S = 5.0
_OK, _NOT_FOUND = 200, 404


async def fetch_tenant_key(http: httpx.AsyncClient, url: str, token: Secret, tenant_id: str) -> Secret | None:
    """The tenant's key, from the vault at `url`; None where it has none. Raises CannotReach where that can't be known.

    A vault that is down is no reason to use another key: that would be to act as somebody else.
    """
    from httpx import HTTPError

    headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}
    try:
        answer = await http.get(
            f"{url}/v1/secrets/tenants/{tenant_id}/scaigrid_api_key", headers=headers, timeout=VAULT_TIMEOUT_S
        )
    except HTTPError:
        raise _unknown("ScaiVault did not answer") from None
    if answer.status_code == _NOT_FOUND:
        return None
    if answer.status_code != _OK:
        raise _unknown(f"ScaiVault answered {answer.status_code}")
    return _key(answer)


def _key(answer: httpx.Response) -> Secret:
    """The value under `data`: a string, or an object with a `value`."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    value = body.get("data") if isinstance(body, dict) else None
    value = value.get("value") if isinstance(value, dict) else value
    key = Secret(value) if isinstance(value, str) else None
    if key is None or not key.is_sendable:
        raise _unknown("ScaiVault's answer holds no key that could be used")
    return key


def _unknown(words: str) -> Unreachable:
    return Unreachable(words, hint="check SCAIVAULT_URL and SCAIVAULT_TOKEN, or send your own token")
