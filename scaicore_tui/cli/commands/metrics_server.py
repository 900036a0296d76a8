"""The option `--metrics ADDR` of `record` and `serve`: where metrics are served."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from scaicore_tui.cli.output import stderr
from scaicore_tui.config.target import is_loopback
from scaicore_tui.errors import UsageError
from scaicore_tui.servers.hosting import Listener, bind

if TYPE_CHECKING:
    from scaicore_tui.metrics import Family

_ADDRESS = re.compile(r"(?:(?P<host>[^\[\]:]*)|\[(?P<ipv6>[0-9a-fA-F:.%]+)\]):(?P<port>\d{1,5})", re.ASCII)
_LOOPBACK = "127.0.0.1"
MAX_PORT = 65_535


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `:9464`, `127.0.0.1:9464` or `[::1]:9464`. Raises UsageError."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > MAX_PORT:
        raise UsageError(
            f"--metrics {text!r} is not an address with a port",
            effect="nothing was started",
            hint="for example :9464 for this machine only, or 0.0.0.0:9464",
        )
    return found["host"] or found["ipv6"] or _LOOPBACK, int(found["port"])


def listen(text: str | None) -> Listener | None:
    """Return the bound socket for `--metrics`; None without the option. Raises UsageError."""
    if text is None:
        return None
    host, port = parse_address(text)
    try:
        return bind(host, port)
    except UsageError as error:
        raise UsageError(
            f"--metrics: {error.message}", effect="nothing was started", hint="use another port"
        ) from error


@asynccontextmanager
async def serving(listener: Listener | None, read: Callable[[], Sequence[Family]]) -> AsyncIterator[None]:
    """Serve the metrics that `read` returns inside the block, if there is a listener."""
    if listener is None:
        yield
        return
    from scaicore_tui.servers.metrics_app import METRICS_PATH, serve_metrics

    async with serve_metrics(listener, read):
        stderr.say(f"metrics: {listener.url}{METRICS_PATH}")
        if not is_loopback(listener.socket.getsockname()[0]):
            stderr.say("other machines can read the metrics: they name Cores and nodes, and have no payloads")
        yield
