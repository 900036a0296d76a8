"""`serve`: the proxy alone, in front of a ScaiGrid."""

from __future__ import annotations

import os
from collections.abc import Sequence

from scaicore_tui.cli.diagnostics import INTERRUPTED, say
from scaicore_tui.cli.servers import listen, serving, until_stopped
from scaicore_tui.config.target import check_url, is_loopback


async def serve(upstream: str, host: str, port: int, names: Sequence[str]) -> int:
    """Serve until interrupted, going by `names`, too. With keys of its own it answers callers without credentials only
    on loopback."""
    from scaicore_tui.proxy import ProxyConfig, build_proxy

    check_url(upstream, has_token=True)
    config = ProxyConfig.from_env(upstream, os.environ, allow_anonymous=is_loopback(host))
    bound, url = listen(host, port)
    async with serving(build_proxy(config), bound, dates=False, names=[host, *names]):
        say(f"serving {url}/api/v1 in front of {upstream}")
        await until_stopped()
    return INTERRUPTED
