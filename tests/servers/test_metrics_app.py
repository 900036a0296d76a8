"""Metrics over HTTP: for Prometheus and probes, on a socket of their own, and those of the proxy."""

from __future__ import annotations

import httpx
import pytest

from scaicore_tui.cli.commands.metrics_server import listen, parse_address
from scaicore_tui.errors import UsageError
from scaicore_tui.metrics import CONTENT_TYPE, gauge, render
from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.metrics_app import serve_metrics
from scaicore_tui.servers.proxy import PUBLIC_PATHS, ProxyConfig, build_proxy
from scaicore_tui.servers.proxy.request_metrics import RequestMetrics
from tests.support.hosted_proxy import ALL_INTERFACES
from tests.support.manual_clock import ManualClock
from tests.support.prometheus_text import read_metrics, series, values_of
from tests.support.proxy import EVENTS, INVOKE, TOKEN, answer, client_of, grid_server


@pytest.mark.parametrize("address", ["127.0.0.1", ALL_INTERFACES])
async def test_metrics_are_served_to_prometheus_and_not_to_pages_of_other_hosts(address: str) -> None:
    listener = bind(address, 0)
    url = listener.url.replace(ALL_INTERFACES, "127.0.0.1")
    async with serve_metrics(listener, lambda: [gauge("x", "A number.", 1)]), httpx.AsyncClient() as client:
        found = await client.get(f"{url}/metrics")
        assert (found.status_code, found.headers["content-type"]) == (200, CONTENT_TYPE)
        assert read_metrics(found.content) == {series("x"): 1}
        named = {"Host": "recorder.example.com:9464"}
        assert (await client.get(f"{url}/metrics", headers=named)).status_code == (
            421 if address != ALL_INTERFACES else 200
        )
        assert (await client.get(f"{url}/healthz", headers=named)).json() == {"status": "ok"}
        assert [(await client.get(f"{url}{path}")).status_code for path in ("/", "/metrics/x")] == [404, 404]
        assert (await client.post(f"{url}/metrics")).status_code == 405


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:9464", (ALL_INTERFACES, 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert parse_address(text) == found


@pytest.mark.parametrize(
    "text", ["9464", "", ":", "::1:9464", ":70000", "host:port", "http://localhost:9464", "a b]:1"]
)
def test_other_texts_are_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="not an address with a port"):
        parse_address(text)


def test_a_port_that_is_taken_is_named() -> None:
    first = listen(":0")
    assert first is not None
    with first.socket:
        first.socket.listen()
        taken = f":{first.socket.getsockname()[1]}"
        with pytest.raises(UsageError, match=r"--metrics: cannot listen on 127\.0\.0\.1:\d+: Address already"):
            listen(taken)
    with pytest.raises(UsageError, match="not an address"):
        listen("no such host:1")


async def test_requests_of_the_proxy_are_counted_by_route_and_nothing_a_caller_chose_is_named() -> None:
    metrics = RequestMetrics(ManualClock())
    async with grid_server() as grid:
        bound, url = bind("127.0.0.1", 0)
        config = ProxyConfig(grid.url, coalesce=60)
        async with (
            serve_app(build_proxy(config), bound, wrap=metrics.wrap, public_paths=PUBLIC_PATHS),
            client_of(url, TOKEN) as client,
        ):
            await client.get(f"/api{EVENTS}")
            await client.get(f"/api{EVENTS}")
            await client.get("/secret-path/exec_1")
            await client.post(f"/api{INVOKE}", json={})
            grid.reply = answer(b"", "503 Service Unavailable")
            await client.post(f"/api{INVOKE}", json={})
            grid.reply = b"no HTTP\r\n\r\n"
            gone = await client.post(f"/api{INVOKE}", json={})
            assert gone.status_code == 502
            # The rest of the response never comes.
            grid.reply = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nbegin"
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(f"/api{INVOKE}", json={})
            await client.get("/healthz")
    text = render(metrics.families())
    found = read_metrics(text)
    assert values_of(found, "scaicore_proxy_requests_total", "status") == {"200": 5, "404": 1, "503": 1, "502": 1}
    routes = values_of(found, "scaicore_proxy_requests_total", "route")
    assert (routes["other"], routes["/healthz"], sum(routes.values())) == (1, 1, 8)
    assert sum(values_of(found, "scaicore_proxy_upstream_calls_total", "route").values()) == 5
    assert sum(values_of(found, "scaicore_proxy_upstream_failures_total", "route").values()) == 2
    assert sum(values_of(found, "scaicore_proxy_shared_responses_total", "route").values()) == 1
    assert sum(values_of(found, "scaicore_proxy_request_duration_seconds_count", "route").values()) == 8
    assert found[series("scaicore_proxy_requests_open")] == 0
    assert b"secret-path" not in text
