"""An unreachable, slow or broken upstream: reported in ScaiFlow's error style, and never retried."""

from __future__ import annotations

import asyncio
import socket
import struct

import httpx
import pytest

from scaicore_tui.servers.proxy import ProxyConfig
from scaicore_tui.servers.proxy.forward import Forwarder, open_http
from scaicore_tui.servers.proxy.problems import ProxyProblem
from scaicore_tui.servers.proxy.request import ApiRoute
from tests.support.proxy import (
    EVENTS,
    INVOKE,
    RESOLVE,
    TOKEN,
    Behaviour,
    answer,
    client_of,
    grid_server,
    proxied,
    proxy_server,
    raw_request,
)

CALLS = [("GET", EVENTS), ("POST", RESOLVE), ("POST", INVOKE)]


def problem(response: httpx.Response, status: int) -> str:
    """Assert that a response has `status`, a message and a fix; return its error code."""
    assert response.status_code == status
    detail = response.json()["detail"]
    assert detail["message"]
    assert detail["fix"]
    return str(detail["error"])


async def never_respond(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def respond_without_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


async def test_an_unreachable_upstream_is_reported() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        config = ProxyConfig(f"http://127.0.0.1:{unused.getsockname()[1]}")
        async with proxy_server(config) as url, client_of(url, TOKEN) as client:
            for method, path in CALLS:
                response = await client.request(method, path)
                assert problem(response, 502) == "upstream_unreachable"
                assert "nothing was sent" in response.json()["detail"]["fix"]


@pytest.mark.parametrize("behave", [hang_up, reset, respond_without_http])
async def test_requests_to_a_broken_upstream_are_not_repeated(behave: Behaviour) -> None:
    async with proxied() as (grid, client):
        grid.behave = behave
        for method, path in CALLS:
            assert problem(await client.request(method, path), 502) == "upstream_unreachable"
    assert len(grid.received) == len(CALLS)


async def test_a_sent_write_without_a_response_is_reported_as_possibly_done() -> None:
    async with proxied() as (grid, client):
        grid.behave = hang_up
        response = await client.post(INVOKE, content=b"{}")
    assert response.json()["detail"]["fix"] == "the write may have been carried out: check before you send it again"


async def test_a_write_on_a_stale_connection_is_not_repeated() -> None:
    async with proxied() as (grid, client):
        assert (await client.post(INVOKE, content=b"1")).status_code == 200
        grid.behave = hang_up
        assert problem(await client.post(INVOKE, content=b"2"), 502) == "upstream_unreachable"
    assert [request.body for request in grid.received] == [b"1", b"2"]


async def test_an_upstream_that_times_out_is_reported() -> None:
    async with proxied(read_timeout=0.3, invoke_timeout=0.3) as (grid, client):
        grid.behave = never_respond
        for method, path in CALLS:
            assert problem(await client.request(method, path), 504) == "upstream_timeout"
    assert len(grid.received) == len(CALLS)


async def test_a_write_has_a_longer_timeout_than_a_read() -> None:
    async with proxied(read_timeout=0.5) as (grid, client):
        is_read_over = asyncio.Event()

        async def answer_after_the_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await is_read_over.wait()
            writer.write(answer(b"late"))
            await writer.drain()

        grid.behave = answer_after_the_read
        write = asyncio.create_task(client.post(INVOKE, content=b"{}"))
        assert (await client.get(EVENTS)).status_code == 504
        is_read_over.set()
        assert (await write).content == b"late"


async def test_an_error_response_of_the_upstream_passes_unchanged() -> None:
    async with proxied() as (grid, client):
        grid.reply = answer(b"<html>bad gateway</html>", "502 Bad Gateway", "Content-Type: text/html")
        response = await client.get(EVENTS)
    assert (response.status_code, response.content) == (502, b"<html>bad gateway</html>")


async def test_bytes_that_are_invalid_in_http_are_not_sent() -> None:
    async with grid_server() as grid, open_http() as http:
        with pytest.raises(ProxyProblem) as refused:
            await Forwarder(ProxyConfig(grid.url), http).send(
                ApiRoute("GET", b"/events", EVENTS), b"cursor=\xff", [], b""
            )
    assert refused.value.status == 400
    assert not grid.received


async def test_an_internal_error_uses_the_same_error_style(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("sgk_hush")

    monkeypatch.setattr(Forwarder, "send", fail)
    async with proxied() as (_, client):
        response = await client.get(EVENTS)
    assert problem(response, 500) == "internal_error"
    assert "hush" not in response.text


async def test_a_client_that_disconnects_while_sending_is_not_an_internal_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    send_half = raw_request(INVOKE.encode(), b"POST", b"Content-Length: 10") + b"half"
    async with proxied() as (grid, client):
        _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(send_half)
        await writer.drain()
        assert (await client.get("/healthz")).status_code == 200
        writer.close()
        await writer.wait_closed()
        for _ in range(3):
            assert (await client.get("/healthz")).status_code == 200
    assert not grid.received
    assert "Exception" not in caplog.text
