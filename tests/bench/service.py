"""Rows: what `serve` costs those who ask through it, and what it costs the ScaiGrid behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.types import ASGIApp, Receive, Scope, Send

from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.bench.load import callers, hammered, polled
from tests.bench.probes import in_turns
from tests.bench.registry import Row, Setting, row
from tests.bench.upstream import DIRECT, LOOPBACK, PROXIED, TOKEN, front, grid
from tests.support.manual_clock import ManualClock

ENGINEERS = 40
SECONDS = 2.0
READS = ("/events?limit=50", "/checkpoints")
# Connections that ask without a pause: enough to keep every process busy.
BUSY = 8


@row("serve", 135)
def speed(setting: Setting) -> Iterator[Row]:
    """Reading through it, beside reading from the grid itself; all in processes of their own."""
    each, times = setting.size(50, 5), setting.size(7, 1)
    with grid() as upstream, front(upstream) as plain, front(upstream, f"--coalesce={SECONDS}s") as shared:

        def asked(url: str, base: str) -> float:
            return asyncio.run(hammered(url, base + READS[0], BUSY, each))

        through, direct = in_turns(times, lambda: asked(plain.url, PROXIED), lambda: asked(upstream, DIRECT))
        kept, beside = in_turns(times, lambda: asked(shared.url, PROXIED), lambda: asked(upstream, DIRECT))
    rates = [BUSY * each / took * 1000 for took in (through, direct, kept, beside)]
    itself = "the embedded grid itself"
    yield Row("requests through serve", rates[0], "1/s", 0.15, at_least=True, least=rates[1], beside=itself)
    yield Row("… with --coalesce 2s", rates[2], "1/s", 0.5, at_least=True, least=rates[3], beside=itself)


@row("serve-polled", 136)
def polling(setting: Setting) -> Iterator[Row]:
    """What the grid is asked while many watch the same."""
    polls = setting.size(10, 2)
    calls = []
    with grid() as upstream:
        for flags in ([f"--coalesce={SECONDS}s"], []):
            with front(upstream, *flags) as at:
                asyncio.run(polled(at.url, [PROXIED + read for read in READS], ENGINEERS, polls, 1.0))
                calls.append(at.upstream_calls)
    name = f"{ENGINEERS} clients poll for {polls} s: upstream calls"
    yield Row(name, calls[0], "calls", 0.05, least=calls[1], beside="without --coalesce 2s")


@row("serve-calls", 137)
def counted(setting: Setting) -> Iterator[Row]:
    """The same on a clock that is moved by hand, so that each call is told beforehand."""
    windows = setting.size(10, 3)
    shared, alone = (asyncio.run(calls(seconds, windows)) for seconds in (SECONDS, 0.0))
    wanted = len(READS) * windows
    yield Row(f"upstream calls: {ENGINEERS} clients, {windows} windows", shared, "", wanted)
    yield Row("… without --coalesce", alone, "", wanted * ENGINEERS)


async def calls(coalesce: float, windows: int) -> int:
    """How many calls the grid gets from clients who all ask for the same in each window."""
    clock, seen = ManualClock(), _Seen(build_grid(GridConfig(rate=0, rate_limits=False, tokens={TOKEN: "viewer"})))
    (behind, upstream), (before, url) = bind(LOOPBACK, 0), bind(LOOPBACK, 0)
    proxy = build_proxy(ProxyConfig(upstream, coalesce=coalesce), clock)
    async with (
        serve_app(seen, behind),
        serve_app(proxy, before, date_header=False),
        callers(url, ENGINEERS) as asking,
    ):
        for _ in range(windows):
            for read in READS:
                await asyncio.gather(*(caller.get(PROXIED + read) for caller in asking))
            clock.advance(SECONDS)
    return seen.calls


class _Seen:
    """An ASGI application, and how many requests it got."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += scope["type"] == "http"
        await self._app(scope, receive, send)
