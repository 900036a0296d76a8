"""Misleading requests to the two servers over raw sockets: the responses, and the requests sent to the upstream."""

from __future__ import annotations

import asyncio
import json
import re
from urllib.parse import urlsplit

import pytest

from scaicore_tui.config.target import parse_host_header
from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.hosting import MAX_UNFINISHED_HEAD_BYTES, bind, serve_app
from scaicore_tui.servers.request_guard import MAX_HEAD_BYTES
from tests.support.grid import MANAGER, MODULE, TOKENS
from tests.support.hosted_proxy import ALL_INTERFACES, CLOSE, HOST, TOKEN, hosted_proxy, request, status
from tests.support.log_records import logged_warnings
from tests.support.proxy import EVENTS, INVOKE, answer, exchange

GET, POST = f"GET {EVENTS}".encode(), f"POST {INVOKE}".encode()
SECOND = b"GET /v1/me HTTP/1.1\r\nHost: a\r\n\r\n"


FOREIGN_HOSTS = [
    b"evil.example",
    b"evil.example:8001",
    b"127.0.0.1.evil.example",
    b"localhost.evil.example",
    b"127.0.0.1@evil.example",
    b"evil.example@127.0.0.1",
    b"evil.example/127.0.0.1",
    b"evil.example#127.0.0.1",
    b"[::1].evil.example",
    b"[::1",
    b"::1",
    b"0.0.0.0",
    b"10.0.0.7",
    b"[fe80::1]",
    b"2130706433",
    b"0x7f.1",
    b"127.1",
    b"localhost localhost",
    b"localhost:80:80",
    b"loc\xe0lhost",
]
OWN_HOSTS = [b"127.0.0.1", b"127.0.0.1:9", b"localhost", b"LOCALHOST:8001", b"[::1]:8001", b"127.8.8.8"]


async def test_an_unknown_host_name_is_refused_on_loopback() -> None:
    async with hosted_proxy() as grid:
        for host in FOREIGN_HOSTS:
            response = await exchange(grid.url, request(GET, host=b"Host: " + host + b"\r\n"))
            assert status(response) == 421, host
        assert not grid.received
        for host in OWN_HOSTS:
            assert status(await exchange(grid.url, request(GET, host=b"Host: " + host + b"\r\n"))) == 200, host


async def test_a_request_with_two_hosts_is_refused() -> None:
    async with hosted_proxy() as grid:
        twice = request(GET, host=HOST + b"Host: evil.example\r\n")
        without = request(GET, host=b"")
        assert [status(await exchange(grid.url, one)) for one in (twice, without)] == [400, 400]
        assert not grid.received


# Default requests of balancers, probes and proxies: HAProxy, Varnish, Kubernetes, AWS, Squid.
HEALTH_CHECKS = {
    "HTTP/1.0 check without a host": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    "HTTP/1.0 check of the root": (b"GET / HTTP/1.0\r\n\r\n", 200),
    "HTTP/1.0 check with OPTIONS": (b"OPTIONS / HTTP/1.0\r\n\r\n", 204),
    "HTTP/1.0 check with HEAD": (b"HEAD / HTTP/1.0\r\n\r\n", 200),
    "HTTP/1.0 read without a host": (GET + b" HTTP/1.0\r\n" + TOKEN + b"\r\n", 200),
    "empty host": (b"GET /healthz HTTP/1.1\r\nHost:\r\n" + CLOSE + b"\r\n", 200),
    "check with the name of a pool": (request(b"GET /healthz", host=b"Host: scaiflow_backend\r\n"), 200),
    "check with an address": (request(b"GET /", host=b"Host: 10.1.2.3:8001\r\n"), 200),
    "OPTIONS of the server": (request(b"OPTIONS *"), 204),
    "check with OPTIONS": (request(b"OPTIONS /healthz"), 204),
    "absolute URL": (request(b"GET http://127.0.0.1:8001/v1/scaicore/events?limit=5"), 200),
    "absolute URL in capitals": (request(b"GET HTTP://LocalHost/v1/scaicore/events?limit=5"), 200),
    "absolute URL without a path": (request(b"GET http://localhost"), 200),
    # RFC 9112 §3.2.2: with an absolute URL the Host header is ignored.
    "absolute URL with another Host": (request(b"GET https://127.0.0.1/healthz", host=b"Host: a.example\r\n"), 200),
}


async def test_health_checks_of_infrastructure_are_answered() -> None:
    async with hosted_proxy() as grid:
        for name, (sent, expected) in HEALTH_CHECKS.items():
            assert status(await exchange(grid.url, sent)) == expected, name
        assert [forwarded.target for forwarded in grid.received] == [
            b"/v1/modules/scaicore/events",
            b"/v1/modules/scaicore/events?limit=5",
            b"/v1/modules/scaicore/events?limit=5",
        ]


async def test_configured_host_names_are_accepted() -> None:
    async with hosted_proxy(names=["Proxy.Example", "team-box"]) as grid:
        for host, expected in ((b"proxy.example:443", 200), (b"TEAM-BOX", 200), (b"other.example", 421)):
            response = await exchange(grid.url, request(GET, host=b"Host: " + host + b"\r\n"))
            assert status(response) == expected, host


async def test_on_all_addresses_any_address_is_accepted_and_names_must_be_configured() -> None:
    async with hosted_proxy(ALL_INTERFACES, ["box.example"]) as grid:
        for host, expected in (
            (b"127.0.0.1", 200),
            (b"10.0.0.7:8001", 200),
            (b"[2001:db8::1]:8001", 200),
            (b"localhost", 200),
            (b"box.example", 200),
            (b"evil.example", 421),
        ):
            response = await exchange(grid.url, request(GET, host=b"Host: " + host + b"\r\n"))
            assert status(response) == expected, host


@pytest.mark.parametrize(
    ("header", "host"),
    [("[::1]:80", "::1"), ("A.b:", "a.b"), ("a@b", None), ("a b", None), ("a/b", None), ("[a]b", None), (":80", None)],
)
def test_a_host_header_is_parsed_strictly(header: str, host: str | None) -> None:
    assert parse_host_header(header) == host


PROBLEM = {"error", "message", "fix"}
# Requests that are not passed on, with the status of the response.
REFUSED = {
    "Content-Length and Transfer-Encoding": (
        request(POST, b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        400,
    ),
    "Transfer-Encoding and Content-Length": (
        request(POST, b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n"),
        400,
    ),
    "another server": (request(b"GET http://evil.example/v1/scaicore/events"), 421),
    "another server with a similar name": (request(b"GET http://127.0.0.1.evil.example/v1/scaicore/events"), 421),
    "absolute URL without a server": (request(b"GET http:///v1/scaicore/events"), 421),
    "another scheme": (request(b"GET ftp://127.0.0.1/v1/scaicore/events"), 404),
    "target with two slashes": (request(b"GET //evil.example/v1/scaicore/events"), 404),
    "user name in the target": (request(b"GET http://a@127.0.0.1/v1/scaicore/events"), 421),
    "encoded parent path in an absolute URL": (request(b"POST http://127.0.0.1/v1/scaicore/cores/%2e%2e/invoke"), 400),
    "CONNECT": (request(b"CONNECT evil.example:443"), 404),
    "TRACE": (request(b"TRACE /v1/scaicore/events"), 405),
    "CORS preflight": (request(b"OPTIONS /v1/scaicore/events", b"Origin: https://evil.example"), 204),
    "OPTIONS *": (request(b"OPTIONS *"), 204),
    "GET *": (request(b"GET *"), 404),
    "method in lower case": (request(b"get /v1/scaicore/events"), 405),
    "parent path": (request(b"GET /v1/scaicore/cores/../events"), 404),
    "encoded parent path": (request(b"POST /v1/scaicore/cores/%2e%2e/invoke"), 400),
    "encoded slashes and parent paths": (request(b"POST /v1/scaicore/cores/a%2f..%2f..%2fme/invoke"), 400),
    "backslashes": (request(b"POST /v1/scaicore/cores/..\\..\\me/invoke"), 400),
    "path parameter": (request(b"GET /v1/scaicore/events;/../../me"), 404),
    "zero byte in a path": (request(b"POST /v1/scaicore/cores/a%00b/invoke"), 400),
    "line break in a path": (request(b"POST /v1/scaicore/cores/a%0d%0aHost:%20evil/invoke"), 400),
    "too large head": (request(GET, b"X-A: " + b"a" * MAX_HEAD_BYTES), 431),
    "too many headers": (request(GET, *[b"a:"] * MAX_HEAD_BYTES), 431),
    "too long target": (request(GET + b"?cursor=" + b"a" * MAX_HEAD_BYTES), 431),
    "too large body": (request(POST, b"Content-Length: 1048577"), 413),
}
# Requests that are not valid HTTP: the server itself refuses them, before the application sees them.
INVALID = {
    "two Content-Length headers": request(POST, b"Content-Length: 4", b"Content-Length: 5", body=b"abcde"),
    "two lengths in one header": request(POST, b"Content-Length: 4, 5", body=b"abcde"),
    "length with a sign": request(POST, b"Content-Length: +4", body=b"abcd"),
    "negative length": request(POST, b"Content-Length: -1", body=b"abcd"),
    "hexadecimal length": request(POST, b"Content-Length: 0x4", body=b"abcd"),
    "huge length": request(POST, b"Content-Length: " + b"9" * 400),
    "unknown transfer coding": request(POST, b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "chunked and identity": request(POST, b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "two Transfer-Encoding headers": request(
        POST, b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=b"0\r\n\r\n"
    ),
    "vertical tab before the coding": request(POST, b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n"),
    "blank before the colon": request(POST, b"Content-Length : 4", body=b"abcd"),
    "header without a name": request(GET, b": value"),
    "header without a colon": request(GET, b"value"),
    "line break in a value": request(GET, b"X-A: a\rX-B: b"),
    "zero byte in a value": request(GET, b"X-A: a\x00b"),
    "chunk length with a sign": request(POST, b"Transfer-Encoding: chunked", body=b"-1\r\nab\r\n0\r\n\r\n"),
    "huge chunk length": request(POST, b"Transfer-Encoding: chunked", body=b"f" * 40 + b"\r\n"),
    "line break in the target": b"GET /v1/scaicore/events\r\n/x HTTP/1.1\r\n" + HOST + TOKEN + b"\r\n",
    "no HTTP version": b"GET /v1/scaicore/events\r\n" + HOST + TOKEN + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


async def test_ambiguous_requests_are_not_passed_on() -> None:
    async with hosted_proxy() as grid:
        for name, (sent, expected) in REFUSED.items():
            response = await exchange(grid.url, sent)
            assert status(response) == expected, name
            assert response.count(b"HTTP/1.1") == 1, name
            assert b"access-control" not in response.lower(), name
            assert expected == 204 or set(json.loads(response.partition(b"\r\n\r\n")[2])["detail"]) == PROBLEM, name
            assert not grid.received, name


async def test_invalid_requests_are_refused_by_the_server() -> None:
    async with hosted_proxy() as grid:
        for name, sent in INVALID.items():
            response = await exchange(grid.url, sent)
            assert status(response) == 400, name
            assert response.count(b"HTTP/1.1") == 1, name
            assert b"Invalid HTTP request received." in response.partition(b"\r\n\r\n")[2], name
            assert not grid.received, name


async def test_a_head_without_an_end_is_refused_or_cut_off() -> None:
    async with hosted_proxy() as grid:
        for size in (MAX_UNFINISHED_HEAD_BYTES, 2_000_000):
            sent = GET + b" HTTP/1.1\r\n" + HOST + TOKEN + b"X-A: " + b"a" * size
            try:
                response = await exchange(grid.url, sent)
            except ConnectionError:
                # The response was discarded, since bytes of the request were still on their way.
                response = b""
            assert status(response) in (0, 400), size
            assert not grid.received


async def test_an_invalid_rest_of_an_answered_request_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with hosted_proxy() as grid:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(grid.url).port)
        writer.write(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        assert status(await reader.readuntil(b"\r\n\r\n")) == 404
        writer.write(b"no chunk\r\n")
        assert b"HTTP/1.1" not in await reader.read()
        writer.close()
    assert logged_warnings(caplog) == []


# Requests that are passed on, with the headers (except Host and Authorization) and the body that the upstream gets.
PASSED: dict[str, tuple[bytes, dict[str, str], bytes]] = {
    "Connection names Authorization": (request(GET, b"Connection: authorization"), {}, b""),
    "Connection names Host": (request(GET, b"Connection: host, content-length"), {}, b""),
    "same length twice": (
        request(POST, b"Content-Length: 2", b"Content-Length: 2", body=b"{}" + SECOND),
        {"content-length": "2"},
        b"{}",
    ),
    "chunks with a trailer": (
        request(POST, b"Transfer-Encoding: chunked", body=b"2;x=y\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
        {"content-length": "2"},
        b"{}",
    ),
    "request in a body": (
        request(POST, b"Content-Length: %d" % len(SECOND), body=SECOND),
        {"content-length": str(len(SECOND))},
        SECOND,
    ),
    "GET with a body": (request(GET, b"Content-Length: 2", body=b"{}"), {"content-length": "2"}, b"{}"),
    "folded header": (request(GET, b"X-A: a", b" b: c"), {"x-a": "a b: c"}, b""),
    "another path in a header": (request(GET, b"X-Original-URL: /v1/me", b"X-Rewrite-URL: /v1/me"), {}, b""),
    "another method in a header": (
        request(GET, b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: PUT", b"X-Method-Override: PUT"),
        {},
        b"",
    ),
    "websocket": (
        request(GET, b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
        {"sec-websocket-version": "13"},
        b"",
    ),
    "another protocol": (
        request(GET, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"),
        {},
        b"",
    ),
}


async def test_an_accepted_request_is_one_request_to_the_upstream() -> None:
    async with hosted_proxy() as grid:
        host = grid.url
        for name, (sent, headers, body) in PASSED.items():
            grid.received.clear()
            response = await exchange(host, sent)
            assert status(response) == 200, name
            assert response.count(b"HTTP/1.1") == 1, name
            (forwarded,) = grid.received
            assert forwarded.target.startswith(b"/v1/modules/scaicore/"), name
            forwarded_headers = {
                key: value for key, value in forwarded.headers.items() if key not in ("host", "authorization")
            }
            assert (forwarded_headers, forwarded.body) == (headers, body), name
            assert forwarded.headers["authorization"] == "Bearer a.b.c", name
            assert "evil" not in forwarded.headers["host"], name


async def test_frames_after_a_refused_websocket_are_not_requests() -> None:
    frames = b"\x81\x85\x00\x00\x00\x00hello\r\n\r\n"
    async with hosted_proxy() as grid:
        opening = GET + b" HTTP/1.1\r\n" + HOST + TOKEN + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        response = await exchange(grid.url, opening + frames)
        assert re.findall(rb"HTTP/1\.1 (\d{3})", response) == [b"200", b"400"]
        assert len(grid.received) == 1


@pytest.mark.parametrize("line", ["101 Switching Protocols", "099 No", "600 Beyond", "999 Beyond", "1000 Beyond"])
async def test_an_invalid_status_means_a_broken_upstream(line: str, caplog: pytest.LogCaptureFixture) -> None:
    async with hosted_proxy() as grid:
        grid.reply = answer(b"{}", line)
        assert status(await exchange(grid.url, request(GET))) == 502
    assert logged_warnings(caplog) == []


async def test_bytes_of_requests_stay_out_of_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with hosted_proxy() as grid:
        for sent in (
            b"\x1b]52;c;aGk=\x07\r\n\r\n",
            request(GET + b"?token=sgk_hush", b"Upgrade: websocket", b"Connection: Upgrade"),
            request(b"GET /v1/%1b]0;x?token=sgk_hush"),
        ):
            await exchange(grid.url, sent)
    assert logged_warnings(caplog) == []
    assert "".join(capfd.readouterr()) == ""


async def test_the_grid_has_the_same_request_guard() -> None:
    bound, url = bind("127.0.0.1", 0)
    token = b"Authorization: Bearer " + MANAGER.encode()
    grid = build_grid(GridConfig(rate=0, history=False, tokens=TOKENS))
    async with serve_app(grid, bound):
        for target, host, expected in (
            (f"{MODULE}/events", b"Host: localhost", 200),
            (f"{MODULE}/events", b"Host: evil.example", 421),
            ("http://evil.example/health", b"Host: localhost", 421),
            ("http://localhost/health", b"Host: localhost", 200),
            (f"//{MODULE}/events", b"Host: localhost", 404),
            (f"{MODULE}/../../me", b"Host: localhost", 404),
            (f"{MODULE}/cores/%2e%2e", b"Host: localhost", 404),
        ):
            lines = (b"GET " + target.encode() + b" HTTP/1.1", host, token, b"Connection: close", b"", b"")
            assert status(await exchange(url, b"\r\n".join(lines))) == expected, (target, host)
        assert grid.state.grid.store.executions() == []
