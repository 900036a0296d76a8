"""Makes the feed reachable on the loopback address of a namespace, as a token is only sent there without encryption.

`python -m tests.bench.team.relay HOST PORT` listens on 127.0.0.1:PORT until standard input closes.
"""

from __future__ import annotations

import asyncio
import sys

from scaicore_tui.servers.hosting import stdin_closed
from tests.support.tcp_relay import Relay


async def forward(host: str, port: int) -> None:
    """Forward connections until standard input closes."""
    relay = Relay(f"http://{host}:{port}", port)
    await relay.up()
    print("ready", flush=True)  # noqa: T201  (the parent process waits for it)
    await stdin_closed()


if __name__ == "__main__":
    asyncio.run(forward(sys.argv[1], int(sys.argv[2])))
