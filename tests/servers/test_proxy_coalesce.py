"""Identical reads share an upstream call. Other requests, errors, and reads after a write do not."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig, coalesce
from scaicore_tui.servers.proxy.coalesce import Coalescer, SharedRead, WriteEpoch, create_shared_epoch
from scaicore_tui.servers.proxy.forward import BufferedResponse
from scaicore_tui.servers.proxy.request import ApiRoute
from tests.support.manual_clock import ManualClock
from tests.support.proxy import (
    CHECKPOINTS,
    EVENTS,
    INVOKE,
    RESOLVE,
    TOKEN,
    Grid,
    answer,
    client_of,
    grid_server,
    jwt,
    proxy_server,
)
from tests.support.token_leaks import MARK
from tests.support.waiting import wait_until, yield_once

SECONDS = 2.0
KEY = f"sgk_{MARK}_key"


@dataclass
class Shared:
    """A coalescing proxy, a grid behind it that may delay its responses, and the clock of both."""

    grid: Grid
    client: httpx.AsyncClient
    clock: ManualClock
    arrived: list[ApiRoute]
    _go: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def calls(self) -> int:
        return len(self.grid.received)

    async def together(self, count: int, path: str = EVENTS) -> list[httpx.Response]:
        """The answers to so many requests that are all under way before the grid answers one."""
        self.hold()
        asking = [asyncio.create_task(self.client.get(path)) for _ in range(count)]
        await wait_until(lambda: len(self.arrived) == count)
        self._go.set()
        return await asyncio.gather(*asking)

    def hold(self) -> None:
        """Answer nothing, until `go`."""

        async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._go.wait()
            writer.write(self.grid.reply)
            await writer.drain()

        self._go.clear()
        self.grid.behave = late

    def go(self) -> None:
        self.grid.behave = None
        self._go.set()


@asynccontextmanager
async def shared(token: str | None = TOKEN, **settings: Any) -> AsyncIterator[Shared]:
    clock, arrived = ManualClock(), list[ApiRoute]()

    class Counted(Coalescer):
        """Tells what came as far as it."""

        async def read(self, route: ApiRoute, *values: Any) -> SharedRead:
            arrived.append(route)
            return await super().read(route, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scaicore_tui.servers.proxy.app.Coalescer", Counted)
        async with (
            grid_server() as grid,
            proxy_server(ProxyConfig(grid.url, **{"coalesce": SECONDS, **settings}), clock) as url,
            client_of(url, token) as client,
        ):
            yield Shared(grid, client, clock, arrived)


async def test_forty_simultaneous_reads_make_one_upstream_call() -> None:
    body = gzip.compress(b'{"data": {"events": []}}')
    async with shared() as at:
        at.grid.reply = answer(body, "200 OK", "Content-Encoding: gzip", "X-Other: \xe4")
        answers = await at.together(40)
        assert at.calls == 1
        assert {response.content for response in answers} == {gzip.decompress(body)}
        assert {response.headers["x-other"] for response in answers} == {"ä"}
        assert not [response for response in answers if "age" in response.headers]


async def test_a_response_is_cached_for_the_configured_time_and_carries_its_age() -> None:
    async with shared() as at:
        assert "age" not in (await at.client.get(EVENTS)).headers
        at.clock.advance(0.4)
        assert (await at.client.get(EVENTS)).headers["age"] == "1"
        at.clock.advance(1.5)
        assert (await at.client.get(EVENTS)).headers["age"] == "2"
        assert at.calls == 1
        at.clock.advance(0.1)
        assert "age" not in (await at.client.get(EVENTS)).headers
        assert at.calls == 2


async def test_the_age_counts_from_the_request() -> None:
    async with shared() as at:
        at.hold()
        asking = asyncio.create_task(at.client.get(EVENTS))
        await wait_until(lambda: at.calls)
        at.clock.advance(5)
        at.go()
        await asking
        assert (await at.client.get(EVENTS)).headers["age"] == "5"


async def test_the_age_includes_that_of_earlier_caches() -> None:
    async with shared() as at:
        at.grid.reply = answer(b"{}", "200 OK", "Age: 30", "Age: 0", "Age: soon")
        assert (await at.client.get(EVENTS)).headers.get_list("age") == ["30", "0", "soon"]
        at.clock.advance(0.4)
        assert (await at.client.get(EVENTS)).headers.get_list("age") == ["31"]


async def test_without_the_option_nothing_is_shared() -> None:
    async with shared(coalesce=0.0) as at:
        await at.together(3)
        assert at.calls == 3


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (EVENTS, {"Authorization": f"Bearer {jwt(sub='another')}"}),
        (EVENTS, {"Accept-Encoding": "identity"}),
        (EVENTS, {"X-Tenant": "another"}),
        (f"{EVENTS}?limit=5", {}),
        (CHECKPOINTS, {}),
    ],
)
async def test_requests_that_differ_are_not_shared(path: str, headers: dict[str, str]) -> None:
    async with shared() as at:
        await at.client.get(EVENTS)
        at.grid.reply = answer(b'"another"')
        assert (await at.client.get(path, headers=headers)).json() == "another"
        assert at.calls == 2


async def test_requests_with_different_identity_headers_are_not_shared() -> None:
    telling = (
        *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Access-Token"),
        *("X-Forwarded-Preferred-Username", "X-Forwarded-Client-Cert", "X-Forwarded-Host", "Forwarded"),
        *("X-Auth-Request-User", "X-Remote-User", "Remote-User", "X-Goog-Authenticated-User-Email"),
        *("Tailscale-User-Login", "X-B3-User", "Baggage", "Cookie", "X-Something-New"),
    )
    async with shared() as at:
        await at.client.get(EVENTS)
        for number, name in enumerate(telling):
            for asking, value in enumerate(("ada", "grace")):
                answered = await at.client.get(EVENTS, headers={name: value})
                assert ("age" in answered.headers, at.calls) == (False, 2 + 2 * number + asking), name


@pytest.mark.parametrize(
    "headers", [{"User-Agent": "another"}, {"X-Forwarded-For": "10.0.0.1"}, {"X-Request-Id": "1"}, {"Traceparent": "1"}]
)
async def test_routing_headers_do_not_prevent_sharing(headers: dict[str, str]) -> None:
    async with shared() as at:
        await at.client.get(EVENTS)
        await at.client.get(f"/api{EVENTS}", headers=headers)
        assert at.calls == 1


async def test_a_caller_without_a_credential_gets_no_shared_response() -> None:
    async with shared(None) as at:
        assert (await at.client.get(EVENTS)).status_code == 412
        own = await at.client.get(EVENTS, headers={"Authorization": f"Bearer {KEY}"})
        assert own.status_code == 200
        # A caller without a credential must not see a response to another credential.
        assert (await at.client.get(EVENTS)).status_code == 412
        assert at.calls == 1


async def test_a_lent_key_shares_with_the_same_key_sent_by_a_caller() -> None:
    async with shared(None, lend_key=True, api_key=Secret(KEY)) as at:
        assert (await at.client.get(EVENTS)).status_code == 200
        own = await at.client.get(EVENTS, headers={"Authorization": f"Bearer {KEY}"})
        assert "age" in own.headers
        assert at.calls == 1


async def test_a_page_with_a_cursor_is_never_shared() -> None:
    async with shared() as at:
        for query in ("cursor=50", "limit=5&%63ursor=50", "cursor="):
            for _ in range(2):
                await at.client.get(f"{EVENTS}?{query}")
        assert at.calls == 6


@pytest.mark.parametrize("status", ["503 No", "429 Slow", "401 Who", "404 Where", "302 There"])
async def test_an_error_goes_to_the_waiting_requests_and_is_not_cached(status: str) -> None:
    async with shared() as at:
        at.grid.reply = answer(b"{}", status, "Connection: close")
        assert {response.status_code for response in await at.together(5)} == {int(status[:3])}
        assert at.calls == 1
        at.go()
        at.grid.reply = answer()
        assert (await at.client.get(EVENTS)).status_code == 200


async def test_an_incomplete_response_is_an_error_for_all_who_share_it() -> None:
    async with shared() as at:
        at.grid.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        answers = await at.together(3)
        assert {response.status_code for response in answers} == {502}
        assert at.calls == 1


@pytest.mark.parametrize(
    "headers",
    [
        ("Cache-Control: private, no-store",),
        ("Cache-Control: no-store", "Cache-Control: private"),
        ("Cache-Control: NO-CACHE",),
        ("Cache-Control: private, max-age=0",),
        ("Cache-Control: max-age=60", 'Cache-Control: s-maxage="0"'),
        ("Set-Cookie: a=b",),
    ],
)
async def test_an_uncacheable_response_is_not_cached(headers: tuple[str, ...]) -> None:
    async with shared() as at:
        at.grid.reply = answer(b"{}", "200 OK", *headers)
        await at.client.get(EVENTS)
        await at.client.get(EVENTS)
        assert at.calls == 2


async def test_cache_control_fetches_a_fresh_response_which_is_then_cached() -> None:
    async with shared() as at:
        await at.client.get(EVENTS)
        at.grid.reply = answer(b'"new"')
        fresh = await at.client.get(EVENTS, headers={"Cache-Control": "no-cache"})
        assert (fresh.json(), "age" in fresh.headers) == ("new", False)
        assert (await at.client.get(EVENTS)).json() == "new"
        assert at.calls == 2


@pytest.mark.parametrize("path", [RESOLVE, INVOKE])
@pytest.mark.parametrize("status", ["200 OK", "409 Late", "503 No"])
async def test_after_any_write_nothing_cached_is_used(path: str, status: str) -> None:
    async with shared() as at:
        await at.client.get(CHECKPOINTS)
        at.grid.reply = answer(b"{}", status)
        other = {"Authorization": f"Bearer {jwt(sub='another')}"}
        for _ in range(2):
            await at.client.post(path, headers=other, json={})
        assert at.calls == 3
        at.grid.reply = answer(b'"resolved"')
        assert (await at.client.get(CHECKPOINTS)).json() == "resolved"


async def test_a_read_from_before_a_write_is_not_shared_after_it() -> None:
    async with shared() as at:
        at.hold()
        early = asyncio.create_task(at.client.get(CHECKPOINTS))
        await wait_until(lambda: at.calls)
        at.grid.behave = None
        await at.client.post(RESOLVE, json={})
        at.grid.reply = answer(b'"resolved"')
        assert (await at.client.get(CHECKPOINTS)).json() == "resolved"
        at.grid.reply = answer(b'"pending"')
        at.go()
        assert (await early).json() == "pending"
        assert (await at.client.get(CHECKPOINTS)).json() == "resolved"


async def test_a_disconnecting_client_does_not_end_the_shared_call() -> None:
    async with shared() as at:
        at.hold()
        first = asyncio.create_task(at.client.get(EVENTS))
        await wait_until(lambda: at.calls)
        second = asyncio.create_task(at.client.get(EVENTS))
        await wait_until(lambda: len(at.arrived) == 2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        at.go()
        assert (await second).status_code == 200
        assert at.calls == 1


async def test_a_response_too_large_to_share_is_fetched_by_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaicore_tui.servers.proxy.app.MAX_RESPONSE_BYTES", 99)
    async with shared() as at:
        at.grid.reply = answer(b"x" * 100, "200 OK", "Connection: close")
        answers = await at.together(3)
        assert {response.content for response in answers} == {b"x" * 100}
        assert at.calls == 1 + 3


@pytest.mark.parametrize(
    ("bound", "value", "asked"),
    [("MAX_CACHED_RESPONSES", 2, 4), ("MAX_CACHED_BYTES", 20, 4), ("MAX_CACHED_RESPONSES", 3, 3)],
)
async def test_the_oldest_cached_responses_are_dropped_first(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int, asked: int
) -> None:
    monkeypatch.setattr(coalesce, bound, value)
    async with shared() as at:
        at.grid.reply = answer(b"x" * 10)
        for limit in (1, 2, 3, 3, 2, 1):
            await at.client.get(f"{EVENTS}?limit={limit}")
        assert at.calls == asked


async def test_beyond_the_limit_of_calls_in_flight_requests_are_sent_separately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coalesce, "MAX_IN_FLIGHT", 1)
    async with shared() as at:
        at.hold()
        asking = [asyncio.create_task(at.client.get(f"{EVENTS}?limit={limit}")) for limit in (1, 2, 2, 1)]
        await wait_until(lambda: at.calls == 3)
        at.go()
        assert {response.status_code for response in await asyncio.gather(*asking)} == {200}
        assert at.calls == 3


async def test_a_shared_call_that_never_ends_times_out_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "MAX_FETCH_S", 0.05)
    async with shared() as at:
        at.hold()
        answers = await asyncio.gather(*(at.client.get(EVENTS) for _ in range(3)))
        assert {response.status_code for response in answers} == {504}
        at.go()
        assert (await at.client.get(EVENTS)).status_code == 200


async def test_cache_keys_reveal_no_credential() -> None:
    async def ask() -> BufferedResponse:
        return BufferedResponse(200, [], b"{}")

    headers = [(b"authorization", TOKEN.encode())]
    async with (
        Coalescer(SECONDS, ManualClock(), WriteEpoch()).open() as one,
        Coalescer(SECONDS, ManualClock(), WriteEpoch()).open() as other,
    ):
        for coalescer in (one, other):
            await coalescer.read(ApiRoute("GET", b"/events", EVENTS), b"", headers, ask)
            await yield_once()
        keys = [key for coalescer in (one, other) for key in coalescer._cache]
        # Salted: nor can anybody try tokens out on them.
        assert len(set(keys)) == 2
        assert TOKEN not in repr((one._cache, other._cache))


async def test_cancelling_one_request_does_not_cancel_the_others() -> None:
    go = asyncio.Event()

    async def ask() -> BufferedResponse:
        await go.wait()
        return BufferedResponse(200, [], b"{}")

    async with Coalescer(SECONDS, ManualClock(), WriteEpoch()).open() as coalescer:
        first, second = (
            asyncio.create_task(coalescer.read(ApiRoute("GET", b"/events", EVENTS), b"", [], ask)) for _ in range(2)
        )
        await yield_once()
        first.cancel()
        go.set()
        response, is_shared = await second
    assert response is not None
    assert (response.status_code, is_shared) == (200, True)


async def test_a_write_by_another_process_invalidates_the_cache() -> None:
    descriptor = create_shared_epoch()
    ours, theirs = WriteEpoch(descriptor), WriteEpoch(descriptor)
    answers = iter((b"pending", b"resolved"))

    async def ask() -> BufferedResponse:
        return BufferedResponse(200, [], next(answers))

    async with Coalescer(SECONDS, ManualClock(), ours).open() as coalescer:

        async def read() -> bytes:
            response, _ = await coalescer.read(ApiRoute("GET", b"/checkpoints", CHECKPOINTS), b"", [], ask)
            assert response is not None
            await yield_once()
            return bytes(response.body)

        assert [await read(), await read()] == [b"pending", b"pending"]
        theirs.bump()
        assert [await read(), await read()] == [b"resolved", b"resolved"]
    os.close(descriptor)
