"""A session on a faulty server, over raw sockets: faults are reported, limited, and recovered from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.api.client import Client
from scaicore_tui.api.transport import CONNECT_TIMEOUT_S, open_http
from scaicore_tui.errors import ConfigError, CredentialsError, OutcomeUnknown, Unreachable
from scaicore_tui.sync.status import ConnectionState
from tests.support import stored
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

# Two responses at once, each of at most 32 MiB, with the memory to process them.
MAX_PEAK_MIB = 130
# A connection attempt begun before the server listens may first have to time out.
MAX_RECOVERY_S = CONNECT_TIMEOUT_S + 3.0


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_is_reported_uses_limited_memory_and_is_recovered_from(fault: Fault, tmp_path: Path) -> None:
    outcome = await run_fault(fault, tmp_path)
    assert outcome.state is fault.state
    assert re.search(fault.message, outcome.message)
    assert bool(outcome.message) is bool(fault.message)
    assert outcome.peak_mib < MAX_PEAK_MIB
    if outcome.recovery_s is not None:
        assert (outcome.runs, outcome.waiting) == (1, 1)
        assert outcome.recovery_s < MAX_RECOVERY_S


async def test_a_refresh_retries_immediately() -> None:
    async with fault_server() as server, polling(replace(target_of(server.url), interval=300.0)) as poll:
        session, watcher = poll
        await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE)
        server.fault = Fault("", "", sends(b""))
        session.refresh()
        await watcher.wait_until(lambda: session.connection.failures)
        server.fault = None
        session.refresh()
        assert await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE) < MAX_RECOVERY_S


async def test_a_closed_keep_alive_connection_is_not_reported() -> None:
    async with fault_server() as server, polling(target_of(server.url)) as poll:
        session, watcher = poll
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
async def test_redirects_are_not_followed(status: str) -> None:
    """The other host would get the token. A write that is redirected may have been executed."""
    async with fault_server() as other_server, fault_server() as server:
        location = b"Location: http://user:secret@localhost:%d/api/v1/scaicore/events\r\n" % other_server.port
        server.fault = Fault("", "", sends(response_bytes(b"", status.encode(), headers=location)))
        client = Client(target_of(server.url))
        with pytest.raises(
            Unreachable, match=f"redirects to localhost:{other_server.port}, which is not followed"
        ) as read:
            await client.events(5)
        with pytest.raises(OutcomeUnknown, match="not followed"):
            await client.resolve("ckpt_1", "approve")
        await client.close()
        assert not other_server.requests
        assert "secret" not in str(read.value)


@pytest.mark.parametrize("behaviour", ["answers", "closes", "refuses"])
async def test_a_proxy_from_the_environment_is_used_and_named(behaviour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with fault_server() as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        client = Client(target_of("http://api.invalid/api/v1"))
        if behaviour == "refuses":
            await proxy.close()
        proxy.fault = Fault("", "", sends(b"")) if behaviour == "closes" else None
        if behaviour == "answers":
            assert len((await client.events(5)).events) == 3
            assert proxy.requests[0].startswith(b"GET http://api.invalid/api/v1/scaicore/events")
        else:
            reason = "refused" if behaviour == "refuses" else "closed the connection"
            message = f"cannot reach api.invalid through the proxy 127.0.0.1:{proxy.port} .http_proxy.: .*{reason}"
            with pytest.raises(Unreachable, match=message) as raised:
                await client.events(5)
            assert "secret" not in str(raised.value)
        await client.close()


async def test_loopback_is_not_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fault_server() as proxy, fault_server() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        client = Client(target_of(server.url))
        await client.events(5)
        await client.close()
        assert (len(server.requests), len(proxy.requests)) == (1, 0)


def test_an_unusable_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "gopher://user:secret@proxy.example:70")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ConfigError, match="https_proxy cannot be used: a gopher proxy") as raised:
        open_http(target_of("https://api.example.com"))
    assert "secret" not in str(raised.value)


async def test_only_the_authorities_in_the_ca_file_are_trusted(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    ca_file = authority.write(tmp_path / "ca.pem")
    async with fault_server(authority) as server:
        with_ca_file, with_default = Client(target_of(server.url, ca_file)), Client(target_of(server.url))
        assert len((await with_ca_file.events(5)).events) == 3
        with pytest.raises(Unreachable, match="unknown authority"):
            await with_default.events(5)
        await with_ca_file.close()
        await with_default.close()


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"", "no certificate"), (b"x", "no certificate")]
)
def test_an_invalid_ca_file_is_named_with_the_reason(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"ca_file .*ca.pem: {reason}"):
        open_http(target_of("https://api.example.com", path))


async def test_shown_data_is_kept_if_the_credential_expires() -> None:
    async with fault_server() as server, polling(target_of(server.url)) as poll:
        session, watcher = poll
        await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE)
        server.fault = Fault("", "", sends(response_bytes(b'{"detail": "expired"}', b"401 Unauthorized")))
        await watcher.wait_until(
            lambda: all(isinstance(part.error, CredentialsError) for part in session.connection.sources)
        )
        assert watcher.problem.startswith("401: sign in again: “expired”")
        assert (
            stored.ids(session.stored_runs),
            [row.id for row in session.checkpoints],
        ) == (["exec_1"], ["ckpt_1"])


async def test_a_stored_error_has_no_traceback() -> None:
    """The frames of a traceback would keep the response body in memory."""
    async with fault_server() as server, polling(target_of(server.url)) as poll:
        session, watcher = poll
        server.fault = Fault("", "", sends(response_bytes(PAGE[:-9] + INBOX)))
        await watcher.wait_until(lambda: session.connection.events.error)
        error = session.connection.events.error
        assert error is not None
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


async def test_retry_after_is_limited_to_one_hour() -> None:
    async with fault_server() as server, polling(target_of(server.url)) as poll:
        session, watcher = poll
        server.fault = Fault("", "", sends(response_bytes(b"{}", b"429 Slow", headers=b"Retry-After: 99999999999\r\n")))
        await watcher.wait_until(lambda: session.connection.failures)
        held = session.connection.held_until
        assert held is not None
        assert held - session.clock.monotonic() <= 3600
