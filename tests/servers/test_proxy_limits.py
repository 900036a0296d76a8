"""The limits that the proxy itself enforces: page sizes and body sizes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from scaicore_tui.servers.proxy.request import MAX_BODY_BYTES
from tests.support.proxy import CHECKPOINTS, EVENTS, INVOKE, RESOLVE, exchange, proxied, raw_request

BAD_LIMITS = {
    "limit=0": "greater_than_equal",
    "limit=-1": "greater_than_equal",
    "limit=": "int_parsing",
    "limit": "int_parsing",
    "limit=many": "int_parsing",
    "limit=1.5": "int_parsing",
    "limit=%66": "int_parsing",
    "limit=1&limit=9999": "less_than_equal",
    "%6cimit=9999": "less_than_equal",
    "cursor=x&limit=99999999999999999999": "less_than_equal",
}


async def test_a_too_large_page_size_is_refused_as_fastapi_does() -> None:
    async with proxied() as (grid, client):
        for path in (EVENTS, CHECKPOINTS):
            response = await client.get(path, params={"limit": 501})
            assert response.status_code == 422
            assert response.json() == {
                "detail": [
                    {
                        "loc": ["query", "limit"],
                        "msg": "Input should be less than or equal to 500",
                        "type": "less_than_equal",
                    }
                ]
            }
    assert not grid.received


async def test_a_limit_is_a_number_from_1_to_500() -> None:
    async with proxied() as (grid, client):
        for query, kind in BAD_LIMITS.items():
            response = await client.get(f"{EVENTS}?{query}")
            assert response.status_code == 422, query
            assert response.json()["detail"][0]["type"] == kind
    assert not grid.received


async def test_the_page_size_of_a_write_is_not_checked() -> None:
    async with proxied() as (grid, client):
        await client.post(RESOLVE, params={"limit": "many"}, content=b"{}")
    assert grid.received[0].target.endswith(b"?limit=many")


async def test_a_body_of_one_mebibyte_passes_and_one_byte_more_is_refused() -> None:
    async with proxied() as (grid, client):
        assert (await client.post(INVOKE, content=b"x" * MAX_BODY_BYTES)).status_code == 200
        refused = await client.post(INVOKE, content=b"x" * (MAX_BODY_BYTES + 1))
    assert (refused.status_code, refused.json()["detail"]["error"]) == (413, "body_too_large")
    assert [len(request.body) for request in grid.received] == [MAX_BODY_BYTES]


async def test_a_chunked_body_that_is_too_large_is_refused() -> None:
    async def endless_body() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65_536 + 1):
            yield b"x" * 65_536

    async with proxied() as (grid, client):
        assert (await client.post(INVOKE, content=endless_body())).status_code == 413
    assert not grid.received


async def test_a_too_large_declared_length_is_refused_at_once() -> None:
    request = raw_request(INVOKE.encode(), b"POST", b"Content-Length: 99999999999")
    async with proxied() as (grid, client):
        response_bytes = await exchange(str(client.base_url), request, until=b"\r\n\r\n")
    assert response_bytes.startswith(b"HTTP/1.1 413")
    assert not grid.received
