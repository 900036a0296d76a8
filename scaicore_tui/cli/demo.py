"""The demo: an embedded ScaiGrid that runs flows, and the REST proxy in front of it, both on loopback.

The app's demo is the same two servers in a process of their own, so that their work never delays a key.
"""

from __future__ import annotations

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
INTERRUPTED = 130


async def serve_demo(seed: int, rate: float, owned: bool = False) -> int:
    """Run both servers until interrupted; prints where they are as one JSON line when they are ready.

    An `owned` demo ends with its standard input.
    """
    from scaicore_tui.cli.servers import listen, serving, until_stopped
    from scaicore_tui.grid import GridConfig, build_grid
    from scaicore_tui.proxy import ProxyConfig, build_proxy

    token, viewer_token = _token("usr_demo", "manager"), _token("usr_guest", "viewer")
    grid_socket, grid_url = listen(LOOPBACK, 0)
    proxy_socket, proxy_url = listen(LOOPBACK, 0)
    grid = build_grid(GridConfig(seed=seed, rate=rate, tokens={token: "manager", viewer_token: "viewer"}))
    proxy = build_proxy(ProxyConfig(upstream=grid_url))
    async with serving(grid, grid_socket), serving(proxy, proxy_socket, dates=False):
        ready = {"url": f"{proxy_url}/api/v1", "grid_url": grid_url, "token": token, "viewer_token": viewer_token}
        output.compact_line(ready | {"pid": os.getpid()})
        await until_stopped(with_input=owned)
    return 0 if owned else INTERRUPTED


@contextmanager
def demo_process(seed: int, rate: float) -> Iterator[Target]:
    """The demo in a process of its own, which ends with this one. Raises CannotReach where it doesn't start."""
    command = [sys.executable, "-m", "scaicore_tui", "demo", "--no-tui", "--owned", f"--seed={seed}", f"--rate={rate}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  (pipes were asked for)
        try:
            yield _target(process.stdout.readline())
        finally:
            process.stdin.close()


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
