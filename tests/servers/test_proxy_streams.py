"""Responses are streamed, however large; a client that disconnects ends the upstream call."""

from __future__ import annotations

import asyncio
import hashlib

import httpx
import pytest

from tests.support.proxy import EVENTS, answer, proxied

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_the_response_is_streamed() -> None:
    async with proxied() as (grid, client):
        is_first_read = asyncio.Event()

        async def in_two_parts(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD + chunk(b"first"))
            await is_first_read.wait()
            writer.write(chunk(b"second") + chunk(b""))
            await writer.drain()

        grid.behave = in_two_parts
        async with client.stream("GET", EVENTS) as response:
            parts = response.aiter_raw()
            assert await anext(parts) == b"first"
            is_first_read.set()
            assert b"".join([part async for part in parts]) == b"second"


async def test_a_large_response_passes_completely() -> None:
    body = bytes(range(256)) * 4096 * 8
    digest = hashlib.sha256()
    async with proxied() as (grid, client):
        grid.reply = answer(body)
        async with client.stream("GET", EVENTS) as response:
            async for part in response.aiter_raw():
                digest.update(part)
    assert response.headers["content-length"] == str(len(body))
    assert digest.digest() == hashlib.sha256(body).digest()


async def test_a_response_that_ends_with_its_connection_passes_completely() -> None:
    async with proxied() as (grid, client):
        grid.reply = b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nall there is"
        response = await client.get(EVENTS)
    assert response.content == b"all there is"


async def test_a_disconnecting_client_closes_the_upstream_response() -> None:
    async with proxied() as (grid, client):
        is_closed = asyncio.Event()

        async def stream_until_disconnected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD + chunk(b"first"))
            await reader.read()
            is_closed.set()

        grid.behave = stream_until_disconnected
        async with client.stream("GET", EVENTS) as response:
            assert await anext(response.aiter_raw()) == b"first"
        await asyncio.wait_for(is_closed.wait(), 5)


async def test_a_client_that_disconnects_before_the_response_closes_the_upstream_call() -> None:
    async with proxied() as (grid, client):
        has_arrived, has_disconnected, is_closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def respond_after_disconnect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            has_arrived.set()
            await has_disconnected.wait()
            writer.write(HEAD + chunk(b"first"))
            await reader.read()
            is_closed.set()

        grid.behave = respond_after_disconnect
        request = asyncio.create_task(client.get(EVENTS))
        await has_arrived.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        await client.get("/healthz")
        has_disconnected.set()
        await asyncio.wait_for(is_closed.wait(), 5)


@pytest.mark.parametrize("head", [HEAD + chunk(b"half"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_an_incomplete_response_is_incomplete_for_the_client_too(
    head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with proxied() as (grid, client):

        async def send_incomplete_response(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            await writer.drain()

        grid.behave = send_incomplete_response
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(EVENTS)
    assert "response was incomplete" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_stalled_response_is_cut_off() -> None:
    async with proxied(read_timeout=0.3) as (grid, client):

        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HEAD + chunk(b"half"))
            await reader.read()

        grid.behave = stall
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(EVENTS)
