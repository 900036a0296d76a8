"""Fetch tokens from outside the process: run a `token_command` (no shell, no terminal, limited time), ask ScaiVault."""

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
# Limits of a command's output; anything longer is not a token.
MAX_OUTPUT_BYTES = 64 * 1024
MAX_STDERR_BYTES = 1024 * 1024
STDOUT, STDERR = 1, 2
# Tokens that a command may quote in its error message: JWTs and API keys.
_TOKENS = re.compile(r"[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?|\bsgk_\w+", re.ASCII)
_MAX_QUOTE_CELLS = 160
# The search for tokens takes quadratic time in this.
_MAX_LINE_CHARS = 1_000


async def run_command(arguments: Sequence[str], timeout_s: float = COMMAND_TIMEOUT_S) -> Secret:
    """Run a command and return the token that it prints.

    The command gets no input and no terminal, so it cannot prompt. Only the command itself is waited for, not processes
    that it leaves in the background, though these may keep our pipes open.

    Raises:
        CredentialsError: the command failed, took too long, or did not print a token and nothing else.
    """
    name = one_line(arguments[0], 40)
    try:
        transport, run = await asyncio.get_running_loop().subprocess_exec(
            _Run, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise _failure(f"cannot run {name}: {getattr(error, 'strerror', None) or error}") from None
    try:
        async with asyncio.timeout(timeout_s):
            await run.ended.wait()
        run.read_rest(transport)
    except TimeoutError:
        raise _failure(f"{name} printed no token within {timeout_s:g} s") from None
    finally:
        await _end(transport, run)
    stderr = bytes(run.stderr)
    if run.is_too_long:
        raise _failure(f"{name} printed far more than a token and was stopped{_last_line(stderr)}")
    if code := transport.get_returncode():
        raise _failure(f"{name} ended with code {code}{_last_line(stderr)}")
    text = run.stdout.decode("utf-8", "replace").strip()
    token = Secret(text)
    if not token.is_sendable:
        raise _failure(f"{name} printed {'something that is not a token' if text else 'nothing'}{_last_line(stderr)}")
    return token


class _Run(asyncio.SubprocessProtocol):
    """One run of a command. `ended` is set when the command has `exited`, or has printed too much for a token."""

    def __init__(self) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self._stderr_bytes = 0
        self.ended, self.exited = asyncio.Event(), asyncio.Event()

    @property
    def is_too_long(self) -> bool:
        return len(self.stdout) > MAX_OUTPUT_BYTES or self._stderr_bytes > MAX_STDERR_BYTES

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == STDOUT:
            self.stdout += data[: MAX_OUTPUT_BYTES + 1 - len(self.stdout)]
        else:
            # Keep the end: error messages quote the last line.
            self.stderr = (self.stderr + data)[-MAX_OUTPUT_BYTES:]
            self._stderr_bytes += len(data)
        if self.is_too_long:
            self.ended.set()

    def process_exited(self) -> None:
        self.exited.set()
        # Data read from a pipe in this iteration of the event loop is delivered in the next one: wait for it.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.ended.set)

    def read_rest(self, transport: asyncio.SubprocessTransport) -> None:
        """Read what the command printed just before it ended; do not wait for other processes that hold the pipes."""
        for fd in (STDOUT, STDERR):
            pipe = transport.get_pipe_transport(fd)
            file = None if pipe is None or pipe.is_closing() else pipe.get_extra_info("pipe")
            if file is not None and os.name == "posix":
                with suppress(BlockingIOError):
                    self.pipe_data_received(fd, os.read(file.fileno(), 2 * MAX_OUTPUT_BYTES))


async def _end(transport: asyncio.SubprocessTransport, run: _Run) -> None:
    """Kill the command with its process group if it still runs. Background processes of an ended command may go on."""
    if transport.get_returncode() is None:
        with suppress(ProcessLookupError):  # the command has just ended
            if os.name == "posix":
                os.killpg(transport.get_pid(), signal.SIGKILL)
            else:
                transport.kill()
        await run.exited.wait()
    transport.close()


def _last_line(stderr: bytes) -> str:
    """Return `: ` and the last line of standard error, without anything that may be a token."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    if not lines or (len(lines) == 1 and len(stderr) >= MAX_OUTPUT_BYTES):
        return ""  # the beginning is lost: the rest may be a part of a token that cannot be recognized
    return f": {one_line(_TOKENS.sub('…', lines[-1][:_MAX_LINE_CHARS]), _MAX_QUOTE_CELLS)}"


def _failure(reason: str) -> CredentialsError:
    return CredentialsError(
        f"token_command: {reason}", hint="run the command by hand; it must print the token and nothing else"
    )


VAULT_TIMEOUT_S = 5.0
_OK, _NOT_FOUND = 200, 404


async def fetch_tenant_key(http: httpx.AsyncClient, url: str, token: Secret, tenant_id: str) -> Secret | None:
    """Return the tenant's API key from the ScaiVault at `url`; None if it has none.

    Raises:
        Unreachable: ScaiVault gave no usable response. Another key is not used then, since it may belong to another
            caller.
    """
    from httpx import HTTPError

    headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}
    try:
        response = await http.get(
            f"{url}/v1/secrets/tenants/{tenant_id}/scaigrid_api_key", headers=headers, timeout=VAULT_TIMEOUT_S
        )
    except HTTPError:
        raise _unreachable("ScaiVault did not answer") from None
    if response.status_code == _NOT_FOUND:
        return None
    if response.status_code != _OK:
        raise _unreachable(f"ScaiVault answered {response.status_code}")
    return _key(response)


def _key(response: httpx.Response) -> Secret:
    """Return the key under `data`: a string, or an object with a `value`."""
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    value = body.get("data") if isinstance(body, dict) else None
    value = value.get("value") if isinstance(value, dict) else value
    key = Secret(value) if isinstance(value, str) else None
    if key is None or not key.is_sendable:
        raise _unreachable("ScaiVault's response holds no usable key")
    return key


def _unreachable(message: str) -> Unreachable:
    return Unreachable(message, hint="check SCAIVAULT_URL and SCAIVAULT_TOKEN, or send your own token")
