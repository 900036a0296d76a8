"""`serve`: the proxy alone, in front of a ScaiGrid; as one process, or as several on one socket."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from scaicore_tui.cli import diagnostics
from scaicore_tui.cli.access_log import AccessLog
from scaicore_tui.cli.server_log import background_log
from scaicore_tui.cli.servers import GRACE_SECONDS, input_ended, listen, serving, stoppable
from scaicore_tui.cli.workers import Workers
from scaicore_tui.clock import SystemClock
from scaicore_tui.config.target import check_url, is_loopback
from scaicore_tui.errors import UsageError

if TYPE_CHECKING:
    from scaicore_tui.proxy import ProxyConfig

LOOPBACK_FIX = "--host 127.0.0.1, or leave out --lend-key"


@dataclass(frozen=True)
class Service:
    """How to serve: going by `names`, too. Times are in seconds; `grace` is left to requests when it is stopped."""

    upstream: str
    host: str
    port: int
    names: Sequence[str]
    workers: int
    connections: int
    grace: float
    coalesce: float
    read_timeout: float
    invoke_timeout: float
    lend_key: bool = False

    def config(self) -> ProxyConfig:
        """The proxy's settings. Raises ConfigError."""
        from scaicore_tui.proxy import ProxyConfig

        check_url(self.upstream, has_token=True)
        config = ProxyConfig.from_env(
            self.upstream,
            os.environ,
            lend_key=self.lend_key,
            read_timeout=self.read_timeout,
            invoke_timeout=self.invoke_timeout,
            coalesce=self.coalesce,
        )
        # Here, and not in each worker, which would be replaced for ever.
        config.tls()
        return config


async def serve(service: Service) -> None:
    """Serve until SIGTERM, and until what is under way then is answered."""
    from scaicore_tui.proxy.writes import shareable

    config = service.config()
    bound, url = listen(service.host, service.port)
    check_lending(config, bound)
    said = f"serving {url}/api/v1 in front of {service.upstream}"
    with background_log(), stoppable() as stop, bound:
        if service.workers == 1:
            await _serve(service, config, bound, stop, said)
        else:
            workers = Workers(_worker_command(), service.workers, bound, shareable(), SystemClock())
            _announce(said, config)
            await _supervise(workers, stop, service.grace)


async def work(service: Service, listening: int, writes: int) -> None:
    """Serve as one of several, on what was handed down, until SIGTERM or until whoever did so ends."""
    with background_log(), stoppable() as stop, socket.socket(fileno=listening) as bound:
        owned = asyncio.create_task(input_ended())
        owned.add_done_callback(lambda _: stop.set())
        await _serve(service, service.config(), bound, stop, writes=writes)


def check_lending(config: ProxyConfig, bound: socket.socket) -> None:
    """Raise UsageError where a key would be lent on an address that other machines reach."""
    address = bound.getsockname()[0]
    if config.lend_key and not is_loopback(address):
        bound.close()
        raise UsageError(
            f"--lend-key lends a key to this machine alone, and {address} is open to others", hint=LOOPBACK_FIX
        )


def _announce(said: str, config: ProxyConfig) -> None:
    diagnostics.say(said)
    if config.lend_key:
        diagnostics.say("lending a key: every program of this machine that reaches the port can act with it")
    elif config.has_key:
        diagnostics.say("no key is lent: each request needs a credential of its own (see --lend-key)")


async def _serve(
    service: Service,
    config: ProxyConfig,
    bound: socket.socket,
    stop: asyncio.Event,
    said: str = "",
    writes: int | None = None,
) -> None:
    from scaicore_tui.proxy import PUBLIC, build_proxy
    from scaicore_tui.proxy.writes import Writes

    async with serving(
        build_proxy(config, writes=Writes(writes)),
        bound,
        dates=False,
        names=[service.host, *service.names],
        public=PUBLIC,
        around=partial(AccessLog, clock=SystemClock(), write=diagnostics.log, process=os.getpid()),
        grace=service.grace,
        connections=service.connections,
    ):
        if said:
            _announce(said, config)
        await stop.wait()


async def _supervise(workers: Workers, stop: asyncio.Event, grace: float) -> None:
    keeping = asyncio.create_task(workers.run())
    keeping.add_done_callback(lambda _: stop.set())
    patience: float = GRACE_SECONDS
    try:
        await stop.wait()
        patience += grace
    finally:
        keeping.cancel()
        await workers.stop(patience)
    with suppress(asyncio.CancelledError):
        await keeping


def _worker_command() -> list[str]:
    """This command line again, told to work."""
    return [sys.executable, "-m", "scaicore_tui", *sys.argv[1:], "--work-on"]
