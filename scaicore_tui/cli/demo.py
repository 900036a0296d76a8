"""The demo: an embedded ScaiGrid that runs flows, and the REST proxy in front of it, both on loopback.

The app's demo is the same two servers in a process of their own, so that their work never delays a key.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scaicore_tui.cli import output
from scaicore_tui.config import Target
from scaicore_tui.errors import CannotReach
from scaicore_tui.secret import Secret

LOOPBACK = "127.0.0.1"
# So many seconds the servers have to end in.
PATIENCE = 5


async def serve_demo(seed: int, rate: float, owned: bool = False) -> None:
    """Run both servers until cancelled; prints where they are as one JSON line when they are ready.

    An `owned` demo ends with its standard input.
    """
    from scaicore_tui.servers.grid import GridConfig, build_grid
    from scaicore_tui.servers.hosting import bind, serve_app, stdin_closed
    from scaicore_tui.servers.proxy import ProxyConfig, build_proxy

    token, viewer_token = _token("usr_demo", "manager"), _token("usr_guest", "viewer")
    grid_socket, grid_url = bind(LOOPBACK, 0)
    proxy_socket, proxy_url = bind(LOOPBACK, 0)
    grid = build_grid(GridConfig(seed=seed, rate=rate, tokens={token: "manager", viewer_token: "viewer"}))
    proxy = build_proxy(ProxyConfig(upstream=grid_url))
    async with serve_app(grid, grid_socket), serve_app(proxy, proxy_socket, date_header=False):
        ready = {"url": f"{proxy_url}/api/v1", "grid_url": grid_url, "token": token, "viewer_token": viewer_token}
        output.compact_line(ready | {"pid": os.getpid()})
        await (stdin_closed() if owned else asyncio.Event().wait())


@contextmanager
def demo_process(seed: int, rate: float) -> Iterator[Target]:
    """The demo in a process of its own, which ends with this one. Raises CannotReach where it doesn't start."""
    command = [sys.executable, "-m", "scaicore_tui", "demo", "--no-tui", "--owned", f"--seed={seed}", f"--rate={rate}"]
    # What they had to say would be written over the app: see `demo --no-tui`.
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere) as process:  # noqa: S603
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  (pipes were asked for)
        try:
            yield _target(process.stdout.readline())
        finally:
            process.stdin.close()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _target(line: bytes) -> Target:
    try:
        ready: dict[str, Any] = json.loads(line)
    except ValueError:
        raise CannotReach("the demo's servers did not start", hint="see: scaicore-tui demo --no-tui") from None
    return Target(url=ready["url"], name="demo", token=Secret(ready["token"]), token_source="the demo")  # noqa: S106


def _token(subject: str, role: str) -> str:
    """A bearer token of the shape that ScaiKey's have; the embedded ScaiGrid knows it by heart, nobody else does."""
    claims = {"sub": subject, "tenant_id": "tnt_demo", "scope": f"scaicore:{role}"}
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    head = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{head}.{_base64(secrets.token_bytes(32))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
