"""A journal and a ledger entry each belong to one feed and are not mixed with those of another."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.api.client import Client
from scaicore_tui.auth import identify
from scaicore_tui.auth.provider import MIN_RENEW_INTERVAL_S
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.sessions import former_notice
from scaicore_tui.config import Caller, Identity, Target, journal_file
from scaicore_tui.config.paths import former_journal_file
from scaicore_tui.config.token_sources import TokenCommand
from scaicore_tui.errors import ConfigError, CredentialsError, NotFound
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.store.locate import journal_to_read, journal_to_write, unused_former_journal
from tests.support.builders import checkpoint, event
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.proxy import jwt

NOW = 1_800_000_000.0
TEAM_A = Target(url="https://api.example.com/team-a/api/v1", name="work", token=Secret(jwt(sub="usr_a", tenant_id="t")))
TEAM_B = replace(TEAM_A, url="https://api.example.com/team-b/api/v1")
OTHER_CALLER = replace(TEAM_A, token=Secret(jwt(sub="usr_b", tenant_id="t")))
OTHER_CORE = replace(TEAM_A, core="core_1")
UNAMBIGUOUS = replace(TEAM_A, url="https://api.example.com")


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use an empty folder for the program's state."""
    monkeypatch.setattr("scaicore_tui.config.paths.state_dir", lambda: tmp_path / "state")


def create_journal(target: Target, path: Path | None = None) -> Path:
    """Open and close the journal of `target`; return its file."""
    path = path or journal_to_write(target)
    Journal.open(path, identify(target)).close()
    return path


def create_former_journal(target: Target) -> Path:
    """Create a journal as an older version did, without an identity; return its file."""
    path = former_journal_file(target)
    with Journal.open(path) as journal:
        journal.append([event("custom.x")])
    return path


@pytest.mark.parametrize("other", [TEAM_B, OTHER_CALLER, OTHER_CORE], ids=["path", "caller", "core"])
def test_a_journal_of_another_feed_is_rejected_with_both_names(tmp_path: Path, other: Target) -> None:
    path = create_journal(TEAM_A, tmp_path / "j")
    before = path.read_bytes()
    with pytest.raises(ConfigError) as error:
        create_journal(other, path)
    assert str(path) in str(error.value)
    assert identify(TEAM_A).label in str(error.value)
    assert identify(other).label in str(error.value)
    assert "--journal FILE" in error.value.hint
    assert path.read_bytes() == before
    create_journal(TEAM_A, path)


def test_a_renewed_token_uses_the_same_journal() -> None:
    renewed = replace(TEAM_A, token=Secret(jwt(sub="usr_a", tenant_id="t", exp=2_000_000_000)))
    assert create_journal(TEAM_A) == create_journal(renewed)


def test_a_file_without_identity_gets_that_of_its_first_user(tmp_path: Path) -> None:
    path = tmp_path / "j"
    Journal.open(path).close()
    create_journal(TEAM_A, path)
    with pytest.raises(ConfigError):
        create_journal(TEAM_B, path)


@pytest.mark.parametrize("url", [UNAMBIGUOUS.url, f"{UNAMBIGUOUS.url}:8443/api/v1/", "http://127.0.0.1:8001/v1"])
def test_an_unambiguous_journal_of_an_older_version_is_used(url: str) -> None:
    target = replace(UNAMBIGUOUS, url=url)
    path = create_former_journal(target)
    assert journal_to_write(target) == journal_to_read(target) == path
    create_journal(target, path)
    assert journal_to_write(target) == path
    assert journal_to_write(replace(OTHER_CALLER, url=url)) != path


@pytest.mark.parametrize(
    "target",
    [TEAM_A, replace(UNAMBIGUOUS, name="kunde ä"), replace(UNAMBIGUOUS, name="a@b"), replace(UNAMBIGUOUS, name="a_b")],
    ids=["path", "letters", "at", "replaced"],
)
def test_an_ambiguous_journal_of_an_older_version_is_reported_and_not_used(target: Target) -> None:
    path = create_former_journal(target)
    assert journal_to_write(target) == journal_file(identify(target))
    assert unused_former_journal(target) == path
    assert unused_former_journal(UNAMBIGUOUS) is None


def test_an_unused_journal_is_reported_once() -> None:
    path = create_former_journal(TEAM_A)
    assert str(path) in former_notice(Common(), TEAM_A)
    assert former_notice(Common(no_journal=True), TEAM_A) == ""
    create_journal(TEAM_A)
    assert former_notice(Common(), TEAM_A) == ""


def test_viewing_a_journal_needs_no_token() -> None:
    path = create_journal(TEAM_A)
    without_token = replace(TEAM_A, token=None)
    assert journal_to_read(without_token) == path
    create_journal(OTHER_CALLER)
    with pytest.raises(ConfigError, match="one for each caller"):
        journal_to_read(without_token)
    with pytest.raises(NotFound):
        Journal.open_readonly(journal_to_read(replace(without_token, name="other")))


def target_with_token_command(tmp_path: Path, **claims: str) -> Target:
    """Return a target whose token is printed by a command."""
    script = tmp_path / "token"
    script.write_text(f"#!/bin/sh\necho {jwt(**claims)}\n")
    script.chmod(0o700)
    return replace(TEAM_A, token=None, sources=(TokenCommand("work", (str(script),)),))


async def read_once(target: Target, path: Path) -> Identity | None:
    """Read the feed into `path`; return the identity in that journal."""
    client = Client(target, httpx.MockTransport(FeedSim([event("custom.x")]).respond))
    async with Session(target, Journal.open(path, identify(target)), ManualClock(), client=client) as session:
        await session.read_once()
        return session.journal.identity


async def test_a_caller_known_only_after_the_first_token_is_stored_and_compared(tmp_path: Path) -> None:
    target = target_with_token_command(tmp_path, sub="usr_a", tenant_id="t")
    path = journal_to_write(target)
    await read_once(target, path)
    with Journal.open(path) as journal:
        assert journal.identity is not None
        assert journal.identity.caller == Caller("usr_a", "t")
    # A target with the same token from the environment has the same journal.
    assert journal_to_write(TEAM_A) == path
    other = target_with_token_command(tmp_path, sub="usr_b", tenant_id="t")
    with pytest.raises(CredentialsError, match="belongs to usr_b of t, not to usr_a of t"):
        await read_once(other, path)
    with Journal.open_readonly(path) as journal:
        assert len(journal) == 1


async def test_a_renewed_token_of_another_caller_is_not_sent(tmp_path: Path) -> None:
    target = target_with_token_command(tmp_path, sub="usr_a", tenant_id="t", n="1")
    clock = ManualClock()
    client = Client(target, httpx.MockTransport(FeedSim().respond), clock)
    first = await client.bearer.token()
    target_with_token_command(tmp_path, sub="usr_b", tenant_id="t")
    clock.advance(MIN_RENEW_INTERVAL_S)
    with pytest.raises(CredentialsError, match="the token was not sent"):
        await client.bearer.renew(first)
    assert await client.bearer.token() == first
    await client.close()


def entry(target: Target, **fields: object) -> Entry:
    """Return the ledger entry of an answer to ckpt_1 that was sent to `target`."""
    identity = identify(target)
    caller = identity.caller or Caller()
    identity_fields = {"url": identity.url, "subject": caller.subject, "tenant": caller.tenant, "key": caller.key}
    sent = Entry("sub_1", NOW, os.getpid(), target.name, target.host, Kind.ANSWER, "ckpt_1")
    return replace(sent, resolution="approve", **identity_fields | fields)


def api_key(text: str) -> Secret:
    """Return an API key made of `text`."""
    return Secret(f"sgk_{text * 16}")


@pytest.mark.parametrize(
    ("later", "is_rejected"),
    [
        (TEAM_A, True),
        (OTHER_CALLER, True),
        (OTHER_CORE, True),
        (replace(TEAM_A, name="other"), True),
        (replace(TEAM_A, token=None), True),
        (TEAM_B, False),
        (replace(TEAM_A, token=Secret(jwt(sub="usr_a", tenant_id="t2"))), False),
    ],
    ids=["same", "colleague", "core", "profile", "unknown", "path", "tenant"],
)
def test_a_write_is_rejected_only_because_of_one_to_the_same_checkpoint(later: Target, is_rejected: bool) -> None:
    ledger = Ledger()
    assert ledger.claim(entry(TEAM_A)) is None
    ledger.record(ledger.entries()[0].id, NOW, Progress.ACCEPTED)
    assert (ledger.claim(entry(later, id="sub_2")) is not None) is is_rejected


def test_two_api_keys_on_one_url_have_separate_checkpoints() -> None:
    ledger = Ledger()
    assert ledger.claim(entry(replace(TEAM_A, token=api_key("a")))) is None
    assert ledger.claim(entry(replace(TEAM_A, token=api_key("b")), id="sub_2")) is None


def test_ledger_entries_of_an_older_version_are_compared_by_host() -> None:
    ledger = Ledger()
    assert ledger.claim(entry(TEAM_A, url=None, subject=None, tenant=None)) is None
    ledger.record(ledger.entries()[0].id, NOW, Progress.ACCEPTED)
    assert ledger.claim(entry(TEAM_B, id="sub_2")) is not None


@pytest.mark.parametrize(
    ("sent_to", "is_looked_up"),
    [
        (entry(TEAM_A), True),
        (entry(TEAM_A, url=None, subject=None, tenant=None), True),
        (entry(TEAM_A, url=None, subject=None, tenant=None, profile="other"), False),
        (entry(TEAM_B), False),
        (entry(OTHER_CALLER), False),
    ],
    ids=["same", "older", "older of another profile", "path", "caller"],
)
async def test_an_unresolved_write_is_looked_up_where_it_was_sent(sent_to: Entry, is_looked_up: bool) -> None:
    ledger = Ledger()
    ledger.claim(sent_to)
    ledger.release(sent_to.id)
    client = Client(TEAM_A, httpx.MockTransport(FeedSim().respond))
    async with Session(TEAM_A, clock=ManualClock(), client=client, ledger=ledger) as session:
        assert bool(session.tracker.recover()) is is_looked_up


async def test_a_ledger_entry_has_the_identity_it_was_sent_to() -> None:
    sim, ledger = FeedSim(checkpoints=[checkpoint()]), Ledger()
    client = Client(TEAM_A, httpx.MockTransport(sim.respond))
    async with Session(TEAM_A, clock=ManualClock(), client=client, ledger=ledger) as session:
        await session.read_once()
        await session.answer("ckpt_1", "approve")
    assert [stored.identity for stored in ledger.entries()] == [identify(TEAM_A)]


def test_with_a_core_filter_only_writes_to_that_core_are_looked_up() -> None:
    filtered = identify(OTHER_CORE)
    assert entry(TEAM_A, core_id="core_1").is_sent_to(filtered)
    assert not entry(TEAM_A, core_id="core_2").is_sent_to(filtered)
