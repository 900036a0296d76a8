"""A session on a server that misbehaves over raw sockets: what is said, what is kept, and how it is well again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.api.client import Client
from scaicore_tui.api.transport import CONNECT_TIMEOUT_S, open_http
from scaicore_tui.errors import ConfigError, CredentialsError, OutcomeUnknown, Unreachable
from scaicore_tui.sync.status import ConnectionState
from tests.support.fault_server import (
    FAULTS,
    INBOX,
    PAGE,
    CertificateAuthority,
    Fault,
    closes_reused_connection,
    fault_server,
    polling,
    response_bytes,
    run_fault,
    sends,
    target_of,
)

pytestmark = pytest.mark.usefixtures("no_documented_limit")

# Two answers at once, each of at most 32 MiB, and what holding them costs.
MOST_MIB = 130
# A connection begun while nobody listened may first have to be given up.
SOON = CONNECT_TIMEOUT_S + 3.0


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_is_named_and_bounded_and_recovered_from(fault: Fault, tmp_path: Path) -> None:
    suffered = await run_fault(fault, tmp_path)
    assert suffered.state is fault.state
    assert re.search(fault.message, suffered.message)
    assert bool(suffered.message) is bool(fault.message)
    assert suffered.peak_mib < MOST_MIB
    if suffered.recovery_s is not None:
        assert (suffered.runs, suffered.waiting) == (1, 1)
        assert suffered.recovery_s < SOON


async def test_a_key_tries_at_once() -> None:
    async with fault_server() as server, polling(replace(target_of(server.url), interval=300.0)) as watched:
        session, watcher = watched
        await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE)
        server.fault = Fault("", "", sends(b""))
        session.refresh()
        await watcher.wait_until(lambda: session.connection.failures)
        server.fault = None
        session.refresh()
        assert await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE) < SOON


async def test_a_connection_just_closed_is_never_told() -> None:
    async with fault_server() as server, polling(target_of(server.url)) as watched:
        session, watcher = watched
        failures: list[int] = []
        session.subscribe(lambda _: failures.append(session.connection.failures))
        server.fault = Fault("", "", closes_reused_connection)
        await watcher.wait_until(lambda: server.dropped >= 6)
        await watcher.wait_until(lambda: session.connection.polls >= 4)
        assert not any(failures)


async def test_a_write_is_not_repeated_on_another_connection() -> None:
    async with fault_server() as server:
        client = Client(target_of(server.url))
        server.fault = Fault("", "", closes_reused_connection)
        await client.checkpoints("pending")
        with pytest.raises(OutcomeUnknown, match="closed the connection without a response"):
            await client.resolve("ckpt_1", "approve")
        await client.close()
        assert [head[:4] for head in server.requests] == [b"GET ", b"POST"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_nothing_follows_a_redirect(status: str) -> None:
    """Not to another host, where the token would be told; and a write that is redirected may have been done."""
    async with fault_server() as elsewhere, fault_server() as server:
        location = b"Location: http://user:secret@localhost:%d/api/v1/scaicore/events\r\n" % elsewhere.port
        server.fault = Fault("", "", sends(response_bytes(b"", status.encode(), headers=location)))
        client = Client(target_of(server.url))
        with pytest.raises(
            Unreachable, match=f"redirects to localhost:{elsewhere.port}, which is not followed"
        ) as read:
            await client.events(5)
        with pytest.raises(OutcomeUnknown, match="not followed"):
            await client.resolve("ckpt_1", "approve")
        await client.close()
        assert not elsewhere.requests
        assert "secret" not in str(read.value)


@pytest.mark.parametrize("speaks", ["yes", "no", "refused"])
async def test_a_proxy_of_the_environment_is_asked_and_named(speaks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with fault_server() as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        client = Client(target_of("http://api.invalid/api/v1"))
        if speaks == "refused":
            await proxy.close()
        proxy.fault = Fault("", "", sends(b"")) if speaks == "no" else None
        if speaks == "yes":
            assert len((await client.events(5)).events) == 3
            assert proxy.requests[0].startswith(b"GET http://api.invalid/api/v1/scaicore/events")
        else:
            words = "refused" if speaks == "refused" else "closed the connection"
            named = f"cannot reach api.invalid through the proxy 127.0.0.1:{proxy.port} .http_proxy.: .*{words}"
            with pytest.raises(Unreachable, match=named) as raised:
                await client.events(5)
            assert "secret" not in str(raised.value)
        await client.close()


async def test_loopback_is_not_asked_for_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fault_server() as proxy, fault_server() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        client = Client(target_of(server.url))
        await client.events(5)
        await client.close()
        assert (len(server.requests), len(proxy.requests)) == (1, 0)


def test_a_proxy_that_nobody_can_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "gopher://user:secret@proxy.example:70")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ConfigError, match="https_proxy cannot be used: a gopher proxy") as raised:
        open_http(target_of("https://api.example.com"))
    assert "secret" not in str(raised.value)


async def test_only_those_in_the_file_are_believed(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    believed = authority.write(tmp_path / "ca.pem")
    async with fault_server(authority) as server:
        ours, usual = Client(target_of(server.url, believed)), Client(target_of(server.url))
        assert len((await ours.events(5)).events) == 3
        with pytest.raises(Unreachable, match="unknown authority"):
            await usual.events(5)
        await ours.close()
        await usual.close()


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"", "no certificate"), (b"x", "no certificate")]
)
def test_a_file_of_authorities_that_is_none(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"ca_file .*ca.pem: {reason}"):
        open_http(target_of("https://api.example.com", path))


async def test_a_credential_that_is_taken_no_more_wipes_nothing() -> None:
    async with fault_server() as server, polling(target_of(server.url)) as watched:
        session, watcher = watched
        await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE)
        server.fault = Fault("", "", sends(response_bytes(b'{"detail": "expired"}', b"401 Unauthorized")))
        await watcher.wait_until(
            lambda: all(isinstance(part.error, CredentialsError) for part in session.connection.sources)
        )
        assert watcher.problem.startswith("401: sign in again: “expired”")
        assert (list(session.index.runs), [row.id for row in session.checkpoints]) == (["exec_1"], ["ckpt_1"])


async def test_what_is_kept_of_a_failure_is_its_words() -> None:
    """Not the frames that it came through: they hold the body."""
    async with fault_server() as server, polling(target_of(server.url)) as watched:
        session, watcher = watched
        server.fault = Fault("", "", sends(response_bytes(PAGE[:-9] + INBOX)))
        await watcher.wait_until(lambda: session.connection.failures)
        error = session.connection.events.error
        assert error is not None
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


async def test_a_hold_ends_within_the_hour() -> None:
    """However long an answer asks for."""
    async with fault_server() as server, polling(target_of(server.url)) as watched:
        session, watcher = watched
        server.fault = Fault("", "", sends(response_bytes(b"{}", b"429 Slow", headers=b"Retry-After: 99999999999\r\n")))
        await watcher.wait_until(lambda: session.connection.failures)
        held = session.connection.held_until
        assert held is not None
        assert held - session.clock.monotonic() <= 3600
