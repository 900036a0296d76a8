"""Rows: throughput of `serve`, and the number of its requests to the ScaiGrid."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.types import ASGIApp, Receive, Scope, Send

from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.bench.load import connected_clients, poll_together, time_requests
from tests.bench.probes import alternate
from tests.bench.registry import Row, Setting, row
from tests.bench.upstream import DIRECT, LOOPBACK, PROXIED, TOKEN, front, grid
from tests.support.manual_clock import ManualClock

CLIENTS = 40
COALESCE_S = 2.0
READS = ("/events?limit=50", "/checkpoints")
# Connections that send requests without a pause: enough to keep every process busy.
BUSY_CONNECTIONS = 8


@row("serve", 135)
def speed(setting: Setting) -> Iterator[Row]:
    """Compare reading through `serve` with reading from the grid directly; each is a separate process."""
    each, times = setting.size(50, 5), setting.size(7, 1)
    with grid() as upstream, front(upstream) as plain, front(upstream, f"--coalesce={COALESCE_S}s") as shared:

        def time_reads(url: str, base: str) -> float:
            return asyncio.run(time_requests(url, base + READS[0], BUSY_CONNECTIONS, each))

        through, direct = alternate(times, lambda: time_reads(plain.url, PROXIED), lambda: time_reads(upstream, DIRECT))
        coalesced, direct_again = alternate(
            times, lambda: time_reads(shared.url, PROXIED), lambda: time_reads(upstream, DIRECT)
        )
    rates = [BUSY_CONNECTIONS * each / took * 1000 for took in (through, direct, coalesced, direct_again)]
    name = "the embedded grid itself"
    yield Row(
        "requests through serve",
        rates[0],
        "1/s",
        0.15,
        is_minimum=True,
        reference=rates[1],
        reference_name=name,
    )
    yield Row("… with --coalesce 2s", rates[2], "1/s", 0.5, is_minimum=True, reference=rates[3], reference_name=name)


@row("serve-polled", 136)
def polling(setting: Setting) -> Iterator[Row]:
    """Count the requests to the grid while many clients poll the same paths."""
    polls = setting.size(10, 2)
    calls = []
    with grid() as upstream:
        for flags in ([f"--coalesce={COALESCE_S}s"], []):
            with front(upstream, *flags) as proxy:
                asyncio.run(poll_together(proxy.url, [PROXIED + read for read in READS], CLIENTS, polls, 1.0))
                calls.append(proxy.upstream_calls)
    name = f"{CLIENTS} clients poll for {polls} s: upstream calls"
    yield Row(name, calls[0], "calls", 0.05, reference=calls[1], reference_name="without --coalesce 2s")


@row("serve-calls", 137)
def counted(setting: Setting) -> Iterator[Row]:
    """Count the requests on a manual clock, where their number is exactly known."""
    windows = setting.size(10, 3)
    shared, alone = (asyncio.run(calls(seconds, windows)) for seconds in (COALESCE_S, 0.0))
    expected = len(READS) * windows
    yield Row(f"upstream calls: {CLIENTS} clients, {windows} windows", shared, "", expected)
    yield Row("… without --coalesce", alone, "", expected * CLIENTS)


async def calls(coalesce: float, windows: int) -> int:
    """Return the number of requests to the grid from clients that all read the same in each window."""
    clock = ManualClock()
    counting_app = _CountingApp(build_grid(GridConfig(rate=0, rate_limits=False, tokens={TOKEN: "viewer"})))
    (grid_socket, upstream), (proxy_socket, url) = bind(LOOPBACK, 0), bind(LOOPBACK, 0)
    proxy = build_proxy(ProxyConfig(upstream, coalesce=coalesce), clock)
    async with (
        serve_app(counting_app, grid_socket),
        serve_app(proxy, proxy_socket, date_header=False),
        connected_clients(url, CLIENTS) as clients,
    ):
        for _ in range(windows):
            for read in READS:
                await asyncio.gather(*(client.get(PROXIED + read) for client in clients))
            clock.advance(COALESCE_S)
    return counting_app.calls


class _CountingApp:
    """An ASGI application that counts its requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += scope["type"] == "http"
        await self._app(scope, receive, send)
