"""Identical reads share an upstream call. Other requests, errors and reads after a write do not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig, coalesce
from scaicore_tui.servers.proxy.coalesce import Coalescer, SharedRead
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

COALESCE_S = 2.0
KEY = f"sgk_{MARK}_key"


@dataclass
class SharingProxy:
    """A client of a coalescing proxy, its upstream grid, whose responses can be delayed, and their clock."""

    grid: Grid
    client: httpx.AsyncClient
    clock: ManualClock
    arrived: list[ApiRoute]
    _may_respond: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def calls(self) -> int:
        return len(self.grid.received)

    async def get_many(self, count: int, path: str = EVENTS) -> list[httpx.Response]:
        """Send `count` requests before the grid responds to any; return the responses."""
        self.hold()
        tasks = [asyncio.create_task(self.client.get(path)) for _ in range(count)]
        await wait_until(lambda: len(self.arrived) == count)
        self._may_respond.set()
        return await asyncio.gather(*tasks)

    def hold(self) -> None:
        """Delay all responses of the grid until `release`."""

        async def respond_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._may_respond.wait()
            writer.write(self.grid.reply)
            await writer.drain()

        self._may_respond.clear()
        self.grid.behave = respond_late

    def release(self) -> None:
        self.grid.behave = None
        self._may_respond.set()


@asynccontextmanager
async def sharing_proxy(token: str | None = TOKEN, **settings: Any) -> AsyncIterator[SharingProxy]:
    clock, arrived = ManualClock(), list[ApiRoute]()

    class RecordingCoalescer(Coalescer):
        """A coalescer that records the routes of its reads."""

        async def read(self, route: ApiRoute, *values: Any) -> SharedRead:
            arrived.append(route)
            return await super().read(route, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scaicore_tui.servers.proxy.app.Coalescer", RecordingCoalescer)
        async with (
            grid_server() as grid,
            proxy_server(ProxyConfig(grid.url, **{"coalesce": COALESCE_S, **settings}), clock) as url,
            client_of(url, token) as client,
        ):
            yield SharingProxy(grid, client, clock, arrived)


async def test_forty_simultaneous_reads_make_one_upstream_call() -> None:
    body = gzip.compress(b'{"data": {"events": []}}')
    async with sharing_proxy() as proxy:
        proxy.grid.reply = answer(body, "200 OK", "Content-Encoding: gzip", "X-Other: \xe4")
        answers = await proxy.get_many(40)
        assert proxy.calls == 1
        assert {response.content for response in answers} == {gzip.decompress(body)}
        assert {response.headers["x-other"] for response in answers} == {"ä"}
        assert not [response for response in answers if "age" in response.headers]


async def test_a_response_is_cached_for_the_configured_time_and_carries_its_age() -> None:
    async with sharing_proxy() as proxy:
        assert "age" not in (await proxy.client.get(EVENTS)).headers
        proxy.clock.advance(0.4)
        assert (await proxy.client.get(EVENTS)).headers["age"] == "1"
        proxy.clock.advance(1.5)
        assert (await proxy.client.get(EVENTS)).headers["age"] == "2"
        assert proxy.calls == 1
        proxy.clock.advance(0.1)
        assert "age" not in (await proxy.client.get(EVENTS)).headers
        assert proxy.calls == 2


async def test_the_age_counts_from_the_request() -> None:
    async with sharing_proxy() as proxy:
        proxy.hold()
        task = asyncio.create_task(proxy.client.get(EVENTS))
        await wait_until(lambda: proxy.calls)
        proxy.clock.advance(5)
        proxy.release()
        await task
        assert (await proxy.client.get(EVENTS)).headers["age"] == "5"


async def test_the_age_includes_that_of_earlier_caches() -> None:
    async with sharing_proxy() as proxy:
        proxy.grid.reply = answer(b"{}", "200 OK", "Age: 30", "Age: 0", "Age: soon")
        assert (await proxy.client.get(EVENTS)).headers.get_list("age") == ["30", "0", "soon"]
        proxy.clock.advance(0.4)
        assert (await proxy.client.get(EVENTS)).headers.get_list("age") == ["31"]


async def test_without_the_option_nothing_is_shared() -> None:
    async with sharing_proxy(coalesce=0.0) as proxy:
        await proxy.get_many(3)
        assert proxy.calls == 3


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
    async with sharing_proxy() as proxy:
        await proxy.client.get(EVENTS)
        proxy.grid.reply = answer(b'"another"')
        assert (await proxy.client.get(path, headers=headers)).json() == "another"
        assert proxy.calls == 2


async def test_requests_with_different_identity_headers_are_not_shared() -> None:
    identity_headers = (
        *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Access-Token"),
        *("X-Forwarded-Preferred-Username", "X-Forwarded-Client-Cert", "X-Forwarded-Host", "Forwarded"),
        *("X-Auth-Request-User", "X-Remote-User", "Remote-User", "X-Goog-Authenticated-User-Email"),
        *("Tailscale-User-Login", "X-B3-User", "Baggage", "Cookie", "X-Something-New"),
    )
    async with sharing_proxy() as proxy:
        await proxy.client.get(EVENTS)
        for number, name in enumerate(identity_headers):
            for index, value in enumerate(("ada", "grace")):
                response = await proxy.client.get(EVENTS, headers={name: value})
                assert ("age" in response.headers, proxy.calls) == (False, 2 + 2 * number + index), name


@pytest.mark.parametrize(
    "headers", [{"User-Agent": "another"}, {"X-Forwarded-For": "10.0.0.1"}, {"X-Request-Id": "1"}, {"Traceparent": "1"}]
)
async def test_routing_headers_do_not_prevent_sharing(headers: dict[str, str]) -> None:
    async with sharing_proxy() as proxy:
        await proxy.client.get(EVENTS)
        await proxy.client.get(f"/api{EVENTS}", headers=headers)
        assert proxy.calls == 1


async def test_a_caller_without_a_credential_gets_no_shared_response() -> None:
    async with sharing_proxy(None) as proxy:
        assert (await proxy.client.get(EVENTS)).status_code == 412
        keyed_response = await proxy.client.get(EVENTS, headers={"Authorization": f"Bearer {KEY}"})
        assert keyed_response.status_code == 200
        # A caller without a credential must not see a response to another credential.
        assert (await proxy.client.get(EVENTS)).status_code == 412
        assert proxy.calls == 1


async def test_a_lent_key_shares_with_the_same_key_sent_by_a_caller() -> None:
    async with sharing_proxy(None, lend_key=True, api_key=Secret(KEY)) as proxy:
        assert (await proxy.client.get(EVENTS)).status_code == 200
        keyed_response = await proxy.client.get(EVENTS, headers={"Authorization": f"Bearer {KEY}"})
        assert "age" in keyed_response.headers
        assert proxy.calls == 1


async def test_a_page_with_a_cursor_is_never_shared() -> None:
    async with sharing_proxy() as proxy:
        for query in ("cursor=50", "limit=5&%63ursor=50", "cursor="):
            for _ in range(2):
                await proxy.client.get(f"{EVENTS}?{query}")
        assert proxy.calls == 6


@pytest.mark.parametrize("status", ["503 No", "429 Slow", "401 Who", "404 Where", "302 There"])
async def test_an_error_goes_to_the_waiting_requests_and_is_not_cached(status: str) -> None:
    async with sharing_proxy() as proxy:
        proxy.grid.reply = answer(b"{}", status, "Connection: close")
        assert {response.status_code for response in await proxy.get_many(5)} == {int(status[:3])}
        assert proxy.calls == 1
        proxy.release()
        proxy.grid.reply = answer()
        assert (await proxy.client.get(EVENTS)).status_code == 200


async def test_an_incomplete_response_is_an_error_for_all_who_share_it() -> None:
    async with sharing_proxy() as proxy:
        proxy.grid.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        answers = await proxy.get_many(3)
        assert {response.status_code for response in answers} == {502}
        assert proxy.calls == 1


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
    async with sharing_proxy() as proxy:
        proxy.grid.reply = answer(b"{}", "200 OK", *headers)
        await proxy.client.get(EVENTS)
        await proxy.client.get(EVENTS)
        assert proxy.calls == 2


async def test_cache_control_fetches_a_fresh_response_which_is_then_cached() -> None:
    async with sharing_proxy() as proxy:
        await proxy.client.get(EVENTS)
        proxy.grid.reply = answer(b'"new"')
        fresh = await proxy.client.get(EVENTS, headers={"Cache-Control": "no-cache"})
        assert (fresh.json(), "age" in fresh.headers) == ("new", False)
        assert (await proxy.client.get(EVENTS)).json() == "new"
        assert proxy.calls == 2


@pytest.mark.parametrize("path", [RESOLVE, INVOKE])
@pytest.mark.parametrize("status", ["200 OK", "409 Late", "503 No"])
async def test_after_any_write_nothing_cached_is_used(path: str, status: str) -> None:
    async with sharing_proxy() as proxy:
        await proxy.client.get(CHECKPOINTS)
        proxy.grid.reply = answer(b"{}", status)
        other = {"Authorization": f"Bearer {jwt(sub='another')}"}
        for _ in range(2):
            await proxy.client.post(path, headers=other, json={})
        assert proxy.calls == 3
        proxy.grid.reply = answer(b'"resolved"')
        assert (await proxy.client.get(CHECKPOINTS)).json() == "resolved"


async def test_a_read_from_before_a_write_is_not_shared_after_it() -> None:
    async with sharing_proxy() as proxy:
        proxy.hold()
        early_request = asyncio.create_task(proxy.client.get(CHECKPOINTS))
        await wait_until(lambda: proxy.calls)
        proxy.grid.behave = None
        await proxy.client.post(RESOLVE, json={})
        proxy.grid.reply = answer(b'"resolved"')
        assert (await proxy.client.get(CHECKPOINTS)).json() == "resolved"
        proxy.grid.reply = answer(b'"pending"')
        proxy.release()
        assert (await early_request).json() == "pending"
        assert (await proxy.client.get(CHECKPOINTS)).json() == "resolved"


async def test_a_disconnecting_client_does_not_end_the_shared_call() -> None:
    async with sharing_proxy() as proxy:
        proxy.hold()
        first = asyncio.create_task(proxy.client.get(EVENTS))
        await wait_until(lambda: proxy.calls)
        second = asyncio.create_task(proxy.client.get(EVENTS))
        await wait_until(lambda: len(proxy.arrived) == 2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        proxy.release()
        assert (await second).status_code == 200
        assert proxy.calls == 1


async def test_a_response_too_large_to_share_is_fetched_by_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaicore_tui.servers.proxy.app.MAX_RESPONSE_BYTES", 99)
    async with sharing_proxy() as proxy:
        proxy.grid.reply = answer(b"x" * 100, "200 OK", "Connection: close")
        answers = await proxy.get_many(3)
        assert {response.content for response in answers} == {b"x" * 100}
        assert proxy.calls == 1 + 3


@pytest.mark.parametrize(
    ("limit_name", "value", "expected_calls"),
    [("MAX_CACHED_RESPONSES", 2, 4), ("MAX_CACHED_BYTES", 20, 4), ("MAX_CACHED_RESPONSES", 3, 3)],
)
async def test_the_oldest_cached_responses_are_dropped_first(
    monkeypatch: pytest.MonkeyPatch, limit_name: str, value: int, expected_calls: int
) -> None:
    monkeypatch.setattr(coalesce, limit_name, value)
    async with sharing_proxy() as proxy:
        proxy.grid.reply = answer(b"x" * 10)
        for limit in (1, 2, 3, 3, 2, 1):
            await proxy.client.get(f"{EVENTS}?limit={limit}")
        assert proxy.calls == expected_calls


async def test_beyond_the_limit_of_calls_in_flight_requests_are_sent_separately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coalesce, "MAX_IN_FLIGHT", 1)
    async with sharing_proxy() as proxy:
        proxy.hold()
        tasks = [asyncio.create_task(proxy.client.get(f"{EVENTS}?limit={limit}")) for limit in (1, 2, 2, 1)]
        await wait_until(lambda: proxy.calls == 3)
        proxy.release()
        assert {response.status_code for response in await asyncio.gather(*tasks)} == {200}
        assert proxy.calls == 3


async def test_a_shared_call_that_never_ends_times_out_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "MAX_FETCH_S", 0.05)
    async with sharing_proxy() as proxy:
        proxy.hold()
        answers = await asyncio.gather(*(proxy.client.get(EVENTS) for _ in range(3)))
        assert {response.status_code for response in answers} == {504}
        proxy.release()
        assert (await proxy.client.get(EVENTS)).status_code == 200


async def test_cache_keys_reveal_no_credential() -> None:
    async def fetch() -> BufferedResponse:
        return BufferedResponse(200, [], b"{}")

    headers = [(b"authorization", TOKEN.encode())]
    async with (
        Coalescer(COALESCE_S, ManualClock()).open() as one,
        Coalescer(COALESCE_S, ManualClock()).open() as other,
    ):
        for coalescer in (one, other):
            await coalescer.read(ApiRoute("GET", b"/events", EVENTS), b"", headers, fetch)
            await yield_once()
        keys = [key for coalescer in (one, other) for key in coalescer._cache]
        # The keys are salted, so that nobody can find a token by trying.
        assert len(set(keys)) == 2
        assert TOKEN not in repr((one._cache, other._cache))


async def test_cancelling_one_request_does_not_cancel_the_others() -> None:
    release = asyncio.Event()

    async def fetch() -> BufferedResponse:
        await release.wait()
        return BufferedResponse(200, [], b"{}")

    async with Coalescer(COALESCE_S, ManualClock()).open() as coalescer:
        first, second = (
            asyncio.create_task(coalescer.read(ApiRoute("GET", b"/events", EVENTS), b"", [], fetch)) for _ in range(2)
        )
        await yield_once()
        first.cancel()
        release.set()
        response, is_shared = await second
    assert response is not None
    assert (response.status_code, is_shared) == (200, True)
