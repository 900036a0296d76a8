"""End-to-end headers pass in both directions; hop-by-hop headers do not."""

from __future__ import annotations

from tests.support.proxy import EVENTS, INVOKE, TOKEN, answer, exchange, proxied, raw_request

HOP_BY_HOP = (
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Trailer: X-Sum",
    "Upgrade: h2c",
    "X-Hop: one hop only",
)


async def test_response_headers_pass() -> None:
    end_to_end = {
        "content-type": "application/json; charset=utf-8",
        "retry-after": "7",
        "x-scaigrid-ratelimit-limit": "60",
        "x-scaigrid-ratelimit-remaining": "0",
        "x-scaigrid-ratelimit-reset": "1777466107",
        "x-request-id": "req_1",
        "www-authenticate": 'Bearer realm="x"',
        "etag": 'W/"1"',
    }
    async with proxied() as (grid, client):
        grid.reply = answer(b"{}", "429 Slow", *(f"{name}: {value}" for name, value in end_to_end.items()))
        response = await client.get(EVENTS)
    assert {name: response.headers[name] for name in end_to_end} == end_to_end


async def test_a_repeated_header_stays_repeated() -> None:
    async with proxied() as (grid, client):
        grid.reply = answer(b"{}", "200 OK", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Odd: caf\xe9")
        grid_requests = await exchange(str(client.base_url), raw_request(EVENTS.encode()))
    assert grid_requests.count(b"set-cookie: ") == 2
    assert b"\r\nx-odd: caf\xe9\r\n" in grid_requests


async def test_hop_by_hop_response_headers_are_removed() -> None:
    async with proxied() as (grid, client):
        grid.reply = answer(b"{}", "200 OK", "Connection: close, X-Hop", *HOP_BY_HOP)
        response = await client.get(EVENTS)
    assert not {line.partition(":")[0].lower() for line in HOP_BY_HOP} & set(response.headers)


async def test_hop_by_hop_request_headers_are_removed() -> None:
    lines = [line.encode() for line in (*HOP_BY_HOP, "Connection: x-hop, Upgrade", "Proxy-Authorization: Basic eDp5")]
    async with proxied() as (grid, client):
        await exchange(str(client.base_url), raw_request(EVENTS.encode(), b"GET", *lines))
    assert set(grid.received[0].headers) == {"host", "authorization"}


async def test_content_length_beside_transfer_encoding_is_removed() -> None:
    async with proxied() as (grid, client):
        grid.reply = (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
        )
        response = await client.get(EVENTS)
    assert response.content == b"whole"
    assert "content-length" not in response.headers


async def test_nothing_is_added_to_a_request() -> None:
    async with proxied() as (grid, client):
        await exchange(str(client.base_url), raw_request(EVENTS.encode(), b"GET", b"X-Trace: 1", b"Cookie: a=b"))
    assert grid.received[0].headers == {
        "host": grid.url.removeprefix("http://"),
        "authorization": f"Bearer {TOKEN}",
        "x-trace": "1",
        "cookie": "a=b",
    }


async def test_cookies_are_not_shared_between_callers() -> None:
    async with proxied() as (grid, client):
        grid.reply = answer(b"{}", "200 OK", "Set-Cookie: session=1; Path=/")
        await exchange(str(client.base_url), raw_request(EVENTS.encode()))
        await exchange(str(client.base_url), raw_request(EVENTS.encode()))
    assert len(grid.received) == 2
    assert not any("cookie" in request.headers for request in grid.received)


async def test_expect_continue_is_answered_by_the_proxy() -> None:
    request = raw_request(INVOKE.encode(), b"POST", b"Expect: 100-continue", b"Content-Length: 2") + b"{}"
    async with proxied() as (grid, client):
        grid_requests = await exchange(str(client.base_url), request)
    assert grid_requests.startswith(b"HTTP/1.1 100")
    assert "expect" not in grid.received[0].headers
    assert grid.received[0].body == b"{}"
