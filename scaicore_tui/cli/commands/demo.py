"""The demo: an embedded ScaiGrid that executes flows, and the REST proxy in front of it, both on loopback.

The app's demo runs both servers in a separate process, so that their work never delays a key press.
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
from typing import TYPE_CHECKING, Any

from scaicore_tui.cli.output import stdout
from scaicore_tui.config import Target
from scaicore_tui.errors import Unreachable
from scaicore_tui.secrets import Secret

if TYPE_CHECKING:
    from scaicore_tui.export.document_types import DemoDocument

LOOPBACK = "127.0.0.1"
SHUTDOWN_TIMEOUT_S = 5
# The groups of the user: some reviews of the demo are assigned to them.
DEMO_GROUPS = ["finance"]


async def serve_demo(seed: int, rate: float, owned: bool = False) -> None:
    """Run both servers until cancelled. Prints their addresses as one JSON line when they are ready.

    An `owned` demo ends when its standard input is closed.
    """
    from scaicore_tui.servers.grid import GridConfig, build_grid
    from scaicore_tui.servers.hosting import bind, serve_app, stdin_closed
    from scaicore_tui.servers.proxy import ProxyConfig, build_proxy

    token, viewer_token = _token("usr_demo", "manager"), _token("usr_guest", "viewer")
    grid_listener, proxy_listener = bind(LOOPBACK, 0), bind(LOOPBACK, 0)
    grid = build_grid(GridConfig(seed=seed, rate=rate, tokens={token: "manager", viewer_token: "viewer"}))
    proxy = build_proxy(ProxyConfig(upstream=grid_listener.url))
    async with serve_app(grid, grid_listener.socket), serve_app(proxy, proxy_listener.socket, date_header=False):
        ready: DemoDocument = {
            "url": f"{proxy_listener.url}/api/v1",
            "grid_url": grid_listener.url,
            "token": token,
            "viewer_token": viewer_token,
            "pid": os.getpid(),
        }
        stdout.compact_line(ready)
        await (stdin_closed() if owned else asyncio.Event().wait())


@contextmanager
def demo_process(seed: int, rate: float) -> Iterator[Target]:
    """Run the demo in a separate process that ends with this one. Raises Unreachable if it does not start."""
    command = [sys.executable, "-m", "scaicore_tui", "demo", "--no-tui", "--owned", f"--seed={seed}", f"--rate={rate}"]
    # Messages of the servers would be written over the app; `demo --no-tui` shows them.
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
        process.wait(SHUTDOWN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _target(line: bytes) -> Target:
    try:
        ready: dict[str, Any] = json.loads(line)
    except ValueError:
        raise Unreachable("the demo's servers did not start", hint="scaicore-tui demo --no-tui shows why") from None
    return Target(url=ready["url"], name="demo", token=Secret(ready["token"]), token_source="the demo")  # noqa: S106


def _token(subject: str, role: str) -> str:
    """Return a bearer token shaped like ScaiKey's. Only the embedded ScaiGrid, which knows it in advance, accepts
    it.
    """
    claims = {"sub": subject, "tenant_id": "tnt_demo", "scope": f"scaicore:{role}", "groups": DEMO_GROUPS}
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    head = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{head}.{_base64(secrets.token_bytes(32))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
