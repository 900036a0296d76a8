"""`serve` as a service: shutdown, access log, and the options that a service needs."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.support.program import TIMEOUT_S, Program
from tests.support.proxy import CHECKPOINTS, EVENTS, INVOKE, RESOLVE, TOKEN, answer
from tests.support.recording_upstream import Upstream, upstream
from tests.support.token_leaks import MARK

SECRET = "hidden-in-a-query"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Served:
    """A running `serve`: its process and its base URL."""

    process: subprocess.Popen[str]
    url: str

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Send a request on its own connection."""
        return httpx.get(self.url + path, headers=BEARER | headers, timeout=TIMEOUT_S)

    def line(self) -> str:
        """Return the next line of output."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def entry(self) -> dict[str, Any]:
        """Return the next entry of the access log, skipping other output."""
        while not (line := self.line()).startswith("{"):
            assert line, "serve has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def terminate(self) -> int:
        """Stop it as a service manager does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_S)

    @property
    def is_listening(self) -> bool:
        try:
            httpx.get(f"{self.url}/healthz")
        except httpx.TransportError:
            return False
        return True


@contextmanager
def served(program: Program, grid: Upstream, *flags: str) -> Iterator[Served]:
    """Run `serve` in front of `grid` on a free port."""
    with program.started("serve", "--upstream", grid.url, "--port", "0", *flags) as process:
        assert process.stderr is not None
        banner = process.stderr.readline().strip()
        yield Served(process, banner.removeprefix("serving ").partition("/api/v1")[0])


@pytest.fixture
def grid() -> Iterator[Upstream]:
    """Run an upstream that records its requests."""
    with upstream() as running:
        yield running


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; fail after TIMEOUT_S."""
    deadline = monotonic() + TIMEOUT_S
    while not condition():
        assert monotonic() < deadline, "the condition did not hold in time"


@pytest.mark.parametrize("flags", [(), ("--coalesce", "2s")])
def test_requests_in_flight_are_answered_before_serve_exits_with_0(
    program: Program, grid: Upstream, flags: tuple[str, ...]
) -> None:
    grid.hold()
    with served(program, grid, *flags) as server, ThreadPoolExecutor() as pool:
        request = pool.submit(server.get, EVENTS)
        assert grid.request_arrived.wait(TIMEOUT_S)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.is_listening)
        grid.release()
        response = request.result(TIMEOUT_S)
        assert (response.status_code, response.json()) == (200, {"late": True})
        # Without this header the caller could send its next request while the connection is being closed.
        assert response.headers["connection"] == "close"
        assert server.process.wait(TIMEOUT_S) == 0


def test_requests_longer_than_the_grace_period_are_answered_with_an_error(program: Program, grid: Upstream) -> None:
    grid.hold()
    with served(program, grid, "--grace", "500ms") as server, ThreadPoolExecutor() as pool:
        request = pool.submit(server.get, EVENTS)
        assert grid.request_arrived.wait(TIMEOUT_S)
        assert server.terminate() == 0
        assert request.result(TIMEOUT_S).json()["detail"]["error"] == "stopping"
        grid.release()


def test_a_second_sigterm_ends_serve_at_once(program: Program, grid: Upstream) -> None:
    grid.hold()
    with served(program, grid, "--grace", "60s") as server, ThreadPoolExecutor() as pool:
        request = pool.submit(server.get, EVENTS)
        assert grid.request_arrived.wait(TIMEOUT_S)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.is_listening)
        assert server.terminate() == 128 + signal.SIGTERM
        request.exception(TIMEOUT_S)
        grid.release()


@pytest.mark.parametrize("flags", [(), ("--quiet",)])
def test_serve_is_one_process_and_says_so_if_asked_for_more(
    program: Program, grid: Upstream, flags: tuple[str, ...]
) -> None:
    with served(program, grid) as server:
        port = server.url.rpartition(":")[2]
        assert server.terminate() == 0
    with program.started("serve", "--upstream", grid.url, "--port", port, "--workers", "2", *flags) as process:
        several = Served(process, server.url)
        lines = [several.line() for _ in (() if flags else ("banner",))] + [several.line()]
        assert "--workers 2 is ignored: serve is one process, with 200 connections" in lines[-1]
        assert several.get(EVENTS).status_code == 200
        assert flags or several.entry()["pid"] == process.pid
        assert several.terminate() == 0


def test_the_access_log_has_each_request_and_no_secret(program: Program, grid: Upstream) -> None:
    with served(program, grid) as server:
        server.get(f"{EVENTS}?limit=5&cursor={SECRET}", **{"X-Request-Id": "req-of-mine"})
        entry = server.entry()
        assert entry.pop("time").endswith("Z")
        assert entry.pop("ms") > 0
        assert entry == {
            "request_id": "req-of-mine",
            "method": "GET",
            "route": EVENTS,
            "upstream_calls": 1,
            "coalesced": False,
            "status": 200,
            "bytes": 2,
            "pid": server.process.pid,
        }
        for path in (RESOLVE, INVOKE):
            httpx.post(f"{server.url}/api{path}?a={SECRET}", headers=BEARER, content=SECRET)
        for path in (f"/{SECRET}", f"/healthz?{SECRET}", f"{CHECKPOINTS}/{SECRET}"):
            server.get(path)
        server.get(EVENTS, **{"X-Request-Id": TOKEN})
        httpx.request(SECRET, server.url, headers=BEARER)
        server.get(EVENTS, Host=f"{SECRET}.example")
        assert server.terminate() == 0
        assert server.process.stderr is not None
        rest = server.process.stderr.read()
    logged = [(entry["method"], entry["route"], entry["status"]) for entry in map(json.loads, rest.splitlines())]
    assert logged == [
        ("POST", "/v1/scaicore/checkpoints/{id}/resolve", 200),
        ("POST", "/v1/scaicore/cores/{id}/invoke", 200),
        ("GET", None, 404),
        ("GET", "/healthz", 200),
        ("GET", None, 404),
        ("GET", EVENTS, 200),
        (None, None, 405),
        ("GET", None, 421),
    ]
    assert not [secret for secret in (SECRET, MARK, TOKEN) if secret in rest]


def test_quiet_serve_prints_nothing(program: Program, grid: Upstream) -> None:
    with served(program, grid) as server:
        port = server.url.rpartition(":")[2]
        assert server.terminate() == 0
    with program.started("serve", "--upstream", grid.url, "--port", port, "--quiet") as process:
        quiet = Served(process, server.url)
        wait_until(lambda: quiet.is_listening)
        assert quiet.get(EVENTS).headers["x-request-id"].startswith("req_")
        assert quiet.terminate() == 0
        assert process.communicate() == ("", "")


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="the size of a pipe cannot be changed here")
def test_an_unread_log_does_not_block_requests(program: Program, grid: Upstream) -> None:
    with served(program, grid) as server:
        assert server.process.stderr is not None
        fcntl.fcntl(server.process.stderr, fcntl.F_SETPIPE_SZ, 4096)
        with httpx.Client(base_url=server.url, timeout=15) as client:
            # Each request writes more than 150 bytes to the log.
            assert {client.get("/healthz").status_code for _ in range(60)} == {200}
        assert server.terminate() == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limits of another process cannot be changed here")
def test_serve_reports_that_file_descriptors_ran_out_and_continues(program: Program, grid: Upstream) -> None:
    with served(program, grid) as server:
        pid = server.process.pid
        _, hard_limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
        # One descriptor is left for this connection, and none for the request to the grid.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 2, hard_limit))
        response = server.get(EVENTS)
        assert (response.status_code, response.json()["detail"]["error"]) == (503, "overloaded")
        port = int(server.url.rpartition(":")[2])
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        message = server.line()
        while "new connections wait" not in message:
            assert message
            message = server.line()
        for connection in waiting:
            connection.close()
        assert server.get("/healthz").status_code == 200
        assert server.terminate() == 0
        assert server.process.stderr is not None
        assert "internal error" not in server.process.stderr.read()


def test_the_health_check_needs_no_credential_and_no_upstream(program: Program) -> None:
    with upstream() as grid, served(program, grid) as server:
        grid.portal.call(grid.grid.received.clear)
        assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
        assert not grid.grid.received


def test_coalesce_answers_equal_reads_with_one_upstream_request(program: Program, grid: Upstream) -> None:
    with served(program, grid, "--coalesce", "60s") as server:
        answers = [server.get(EVENTS) for _ in range(3)]
        assert ["age" in answer.headers for answer in answers] == [False, True, True]
        logged = [(entry["upstream_calls"], entry["coalesced"]) for entry in (server.entry() for _ in answers)]
        assert logged == [(1, False), (0, True), (0, True)]
    assert len(grid.grid.received) == 1


def test_a_write_is_visible_at_once_to_readers_who_share_responses(program: Program, grid: Upstream) -> None:
    with served(program, grid, "--coalesce", "60s") as server:
        assert ["age" in server.get(CHECKPOINTS).headers for _ in range(2)] == [False, True]
        grid.grid.reply = answer(b'"resolved"')
        assert server.get(CHECKPOINTS).json() != "resolved"
        assert httpx.post(server.url + RESOLVE, headers=BEARER).status_code == 200
        assert server.get(CHECKPOINTS).json() == "resolved"


def test_the_proxy_key_is_only_used_with_lend_key(program: Program, grid: Upstream) -> None:
    """Also on loopback: behind a reverse proxy on the same machine, every caller is a local one."""
    key = f"sgk_{MARK}_lent"
    with_key = program.with_variables(SCAIGRID_API_KEY=key)
    with served(with_key, grid) as server:
        assert "no key is lent" in server.line()
        assert httpx.get(server.url + EVENTS).status_code == 412
        assert server.get(EVENTS).status_code == 200
    with served(with_key, grid, "--lend-key") as server:
        assert "lending a key" in server.line()
        assert httpx.get(server.url + EVENTS).status_code == 200
        forwarded = httpx.get(server.url + EVENTS, headers={"X-Forwarded-For": "203.0.113.9"})
        assert forwarded.status_code == 412
    assert [request.headers["authorization"] for request in grid.grid.received] == [f"Bearer {TOKEN}", f"Bearer {key}"]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--host", ""), "--host is empty"),
        (("--host", " "), "--host is empty"),
        (("--host", "ä..b"), "not an address"),
        (("--host", "nowhere.invalid"), "not an address"),
        (("--lend-key",), "no key to lend"),
        (("--coalesce", "soon"), "is not a time"),
        (("--coalesce", "2m"), "is not a time"),
        (("--coalesce", "61s"), "0 to 60 s"),
        (("--read-timeout", "0"), "--read-timeout"),
        (("--workers", "0"), "--workers"),
    ],
)
def test_invalid_options_are_rejected(program: Program, flags: tuple[str, ...], text: str) -> None:
    done = program("serve", "--upstream", "http://127.0.0.1:1", "--port", "0", *flags)
    assert done.returncode == 2
    assert text in done.stderr


def test_lend_key_is_rejected_on_an_address_that_other_machines_reach(program: Program) -> None:
    with_key = program.with_variables(SCAIGRID_API_KEY=f"sgk_{MARK}_lent")
    flags = ("--upstream", "http://127.0.0.1:1", "--port", "0", "--lend-key")
    done = with_key("serve", *flags, "--host", "0.0.0.0")  # noqa: S104  (the tested case)
    assert done.returncode == 2
    assert "other machines can reach" in done.stderr
