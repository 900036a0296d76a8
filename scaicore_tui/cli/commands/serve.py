"""The `serve` command: the proxy in front of a ScaiGrid, as one process or as several on one socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

# `crash` is loaded now: without a free descriptor it could not be loaded to report an error.
from scaicore_tui.cli.output import crash, stderr  # noqa: F401
from scaicore_tui.clock import SystemClock
from scaicore_tui.config.target import check_url, is_loopback
from scaicore_tui.errors import UsageError
from scaicore_tui.servers.access_log import AccessLog
from scaicore_tui.servers.hosting import SHUTDOWN_GRACE_S, bind, serve_app, sigterm_event, stdin_closed
from scaicore_tui.servers.workers import Workers

if TYPE_CHECKING:
    from scaicore_tui.servers.proxy import ProxyConfig


@dataclass(frozen=True)
class Service:
    """The options of `serve`. Times are in seconds.

    `host_names` are accepted in `Host` besides `host`. `grace` is how long requests under way may take after SIGTERM.
    """

    upstream: str
    host: str
    port: int
    host_names: Sequence[str]
    workers: int
    max_connections: int
    grace: float
    coalesce: float
    read_timeout: float
    invoke_timeout: float
    lend_key: bool = False

    def proxy_config(self) -> ProxyConfig:
        """Return the proxy's settings. Raises ConfigError."""
        from scaicore_tui.servers.proxy import ProxyConfig

        check_url(self.upstream, has_token=True)
        config = ProxyConfig.from_env(
            self.upstream,
            os.environ,
            lend_key=self.lend_key,
            read_timeout=self.read_timeout,
            invoke_timeout=self.invoke_timeout,
            coalesce=self.coalesce,
        )
        # Checked before workers start: each would fail, and be replaced again and again.
        config.tls()
        return config


async def serve(service: Service) -> None:
    """Serve until SIGTERM, then finish the requests under way."""
    from scaicore_tui.servers.proxy.coalesce import create_shared_epoch

    config = service.proxy_config()
    bound, url = bind(service.host, service.port)
    check_lending(config, bound)
    banner = f"serving {url}/api/v1 in front of {service.upstream}"
    with background_log(), sigterm_event() as stop, bound:
        if service.workers == 1:
            await _serve(service, config, bound, stop, banner)
        else:
            workers = Workers(_worker_command(), service.workers, bound, create_shared_epoch(), SystemClock())
            _announce(banner, config)
            await _supervise(workers, stop, service.grace)


async def worker_main(service: Service, listener_fd: int, epoch_fd: int) -> None:
    """Serve as one of several workers until SIGTERM, or until the parent process ends.

    The parent hands down the listening socket and the shared write epoch as file descriptors.
    """
    with background_log(), sigterm_event() as stop, socket.socket(fileno=listener_fd) as bound:
        parent = asyncio.create_task(stdin_closed())
        parent.add_done_callback(lambda _: stop.set())
        await _serve(service, service.proxy_config(), bound, stop, epoch_fd=epoch_fd)


def check_lending(config: ProxyConfig, bound: socket.socket) -> None:
    """Raise UsageError if a key would be lent on an address that other machines can reach."""
    address = bound.getsockname()[0]
    if config.lend_key and not is_loopback(address):
        bound.close()
        raise UsageError(
            f"--lend-key works on loopback only: other machines can reach {address}",
            hint="use --host 127.0.0.1, or leave out --lend-key",
        )


def _announce(banner: str, config: ProxyConfig) -> None:
    stderr.say(banner)
    if config.lend_key:
        stderr.say("lending a key: every program on this machine that reaches the port can act with it")
    elif config.has_key:
        stderr.say("no key is lent: each request needs its own credential (see --lend-key)")


async def _serve(
    service: Service,
    config: ProxyConfig,
    bound: socket.socket,
    stop: asyncio.Event,
    banner: str = "",
    epoch_fd: int | None = None,
) -> None:
    from scaicore_tui.servers.proxy import PUBLIC_PATHS, build_proxy
    from scaicore_tui.servers.proxy.coalesce import WriteEpoch

    async with serve_app(
        build_proxy(config, epoch=WriteEpoch(epoch_fd)),
        bound,
        date_header=False,
        host_names=[service.host, *service.host_names],
        public_paths=PUBLIC_PATHS,
        wrap=partial(AccessLog, clock=SystemClock(), write=stderr.log, process=os.getpid()),
        grace_s=service.grace,
        max_connections=service.max_connections,
    ):
        if banner:
            _announce(banner, config)
        await stop.wait()


async def _supervise(workers: Workers, stop: asyncio.Event, grace_s: float) -> None:
    supervision = asyncio.create_task(workers.run())
    supervision.add_done_callback(lambda _: stop.set())
    timeout_s: float = SHUTDOWN_GRACE_S
    try:
        await stop.wait()
        timeout_s += grace_s
    finally:
        supervision.cancel()
        await workers.stop(timeout_s)
    with suppress(asyncio.CancelledError):
        await supervision


def _worker_command() -> list[str]:
    """Return this command line with the option that makes a worker of it."""
    return [sys.executable, "-m", "scaicore_tui", *sys.argv[1:], "--worker-fds"]


@contextmanager
def background_log() -> Iterator[None]:
    """Write standard error, and everything that is logged, from a thread: a slow reader delays no request."""
    handler = _Handler(logging.WARNING)
    if logging.lastResort is not None:
        handler.setFormatter(logging.lastResort.formatter)
    root = logging.getLogger()
    with stderr.in_background():
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


class _Handler(logging.Handler):
    """Passes log records to the module that writes standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  (a request must not fail because its log line cannot be formatted)
            text = f"{record.name}: {record.levelname.lower()}; its details could not be formatted"
        stderr.warn(text)
