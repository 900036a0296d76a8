"""The `serve` command: the proxy in front of a ScaiGrid, as one process."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

# `crash` is loaded now: without a free descriptor it could not be loaded to report an error.
from scaicore_tui.cli.commands import metrics_server
from scaicore_tui.cli.output import crash, stderr  # noqa: F401
from scaicore_tui.clock import SystemClock
from scaicore_tui.config.target import check_url, is_loopback
from scaicore_tui.errors import UsageError
from scaicore_tui.servers.access_log import AccessLog
from scaicore_tui.servers.hosting import bind, serve_app, sigterm_event

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
    metrics: str | None = None

    def proxy_config(self) -> ProxyConfig:
        """Return the proxy's settings. Raises ConfigError."""
        from scaicore_tui.servers.proxy import ProxyConfig

        check_url(self.upstream, has_token=True)
        return ProxyConfig.from_env(
            self.upstream,
            os.environ,
            lend_key=self.lend_key,
            read_timeout=self.read_timeout,
            invoke_timeout=self.invoke_timeout,
            coalesce=self.coalesce,
        )


async def serve(service: Service) -> None:
    """Serve until SIGTERM, then finish the requests under way."""
    from scaicore_tui.servers.proxy import PUBLIC_PATHS, build_proxy
    from scaicore_tui.servers.proxy.request_metrics import RequestMetrics

    config = service.proxy_config()
    clock = SystemClock()
    metrics, listener = RequestMetrics(clock), metrics_server.listen(service.metrics)
    access_log = partial(AccessLog, clock=clock, write=stderr.log, process=os.getpid())
    bound, url = bind(service.host, service.port)
    check_lending(config, bound)
    with background_log(), sigterm_event() as stop, bound:
        async with (
            metrics_server.serving(listener, metrics.families),
            serve_app(
                build_proxy(config),
                bound,
                date_header=False,
                host_names=[service.host, *service.host_names],
                public_paths=PUBLIC_PATHS,
                wrap=access_log if listener is None else lambda app: access_log(metrics.wrap(app)),
                grace_s=service.grace,
                max_connections=service.max_connections,
            ),
        ):
            _announce(service, config, url)
            await stop.wait()


def check_lending(config: ProxyConfig, bound: socket.socket) -> None:
    """Raise UsageError if a key would be lent on an address that other machines can reach."""
    address = bound.getsockname()[0]
    if config.lend_key and not is_loopback(address):
        bound.close()
        raise UsageError(
            f"--lend-key works on loopback only: other machines can reach {address}",
            hint="use --host 127.0.0.1, or leave out --lend-key",
        )


def _announce(service: Service, config: ProxyConfig, url: str) -> None:
    stderr.say(f"serving {url}/api/v1 in front of {service.upstream}")
    if service.workers > 1:
        stderr.warn(
            f"--workers {service.workers} is ignored: serve is one process, with {service.max_connections} connections "
            "(--connections) · run several instances behind a balancer, see scaicore-tui help serve"
        )
    if config.lend_key:
        stderr.say("lending a key: every program on this machine that reaches the port can act with it")
    elif config.has_key:
        stderr.say("no key is lent: each request needs its own credential (see --lend-key)")


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
