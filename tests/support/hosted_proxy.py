"""A proxy hosted as `serve` hosts it, and raw requests to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.proxy import PUBLIC_PATHS, ProxyConfig, build_proxy
from tests.support.proxy import Grid, grid_server

ALL_INTERFACES = "0.0.0.0"  # noqa: S104  (tested here)
HOST, TOKEN, CLOSE = b"Host: 127.0.0.1\r\n", b"Authorization: Bearer a.b.c\r\n", b"Connection: close\r\n"


@asynccontextmanager
async def hosted_proxy(address: str = "127.0.0.1", names: Collection[str] = (), **settings: Any) -> AsyncIterator[Grid]:
    """Run a proxy in front of a grid; yield the grid, with the proxy's address as its `url`."""
    async with grid_server() as grid:
        bound, url = bind(address, 0)
        async with serve_app(
            build_proxy(ProxyConfig(grid.url, **settings)),
            bound,
            date_header=False,
            host_names=names,
            public_paths=PUBLIC_PATHS,
        ):
            grid.url = url.replace(ALL_INTERFACES, "127.0.0.1")
            yield grid


def request(line: bytes, *headers: bytes, body: bytes = b"", host: bytes = HOST) -> bytes:
    """Return a request with exactly these headers, besides host, token and `Connection: close`."""
    return line + b" HTTP/1.1\r\n" + host + TOKEN + CLOSE + b"".join(one + b"\r\n" for one in headers) + b"\r\n" + body


def status(response: bytes) -> int:
    """Return the status of a response; 0 if it has none."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", response)
    return int(found[1]) if found else 0
