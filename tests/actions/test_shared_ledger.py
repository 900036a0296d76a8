"""The ledger of a team on a real server: which claims it accepts, from several machines, and what it tells of them."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.actions.shared_writes import OVERDUE_AFTER_S, describe, holds_claim, shared_write, why_taken
from scaicore_tui.actions.team import claim_or_holder
from scaicore_tui.config import Caller, Identity
from scaicore_tui.errors import ConfigError, Conflict, NotFound, StorageError, UsageError
from scaicore_tui.store.postgres.address import ledger_schema_of
from scaicore_tui.store.postgres.ledger import open_ledger
from scaicore_tui.store.postgres.ledger_tables import prepare_ledger
from scaicore_tui.store.shared_ledger import Presence, SharedWrite
from tests.support.server_journals import ServerJournals
from tests.support.team_ledger import TeamServer

NOW = 1_800_000_000.0
ENTRY = Entry("sub_1", NOW, os.getpid(), "staging", "grid:443", Kind.ANSWER, "ckpt_1", resolution="approve")
DAY_S = 86_400


@pytest.fixture
def team(server_journals: ServerJournals) -> TeamServer:
    return TeamServer(server_journals)


def write(identity: str = "sub_1", **fields: object) -> SharedWrite:
    return replace(shared_write(ENTRY, "ada", "ada@north"), id=identity, **fields)


@pytest.fixture(params=["file", "server"])
def claims(request: pytest.FixtureRequest) -> Callable[..., bool]:
    """Claim and record in a ledger of either kind: return whether a later write may be sent, too."""

    def in_file(progress: Progress | None, **later: object) -> bool:
        ledger = Ledger()
        assert ledger.claim(ENTRY) is None
        if progress is not None:
            ledger.record("sub_1", NOW + 1, progress)
        return ledger.claim(replace(ENTRY, id="sub_2", **later)) is None

    def on_server(progress: Progress | None, **later: object) -> bool:
        team = TeamServer(request.getfixturevalue("server_journals"))
        with team.opened() as ledger, team.opened() as other:
            assert ledger.claim(write()) is None
            if progress is not None:
                assert ledger.update(write(progress=str(progress)), holds_claim=holds_claim(progress))
            entry = replace(ENTRY, id="sub_2", **later)
            return other.claim(shared_write(entry, "grace", "grace@south")) is None

    return in_file if request.param == "file" else on_server


@pytest.mark.parametrize(
    ("progress", "later", "may_be_sent"),
    [
        (None, {}, False),
        (Progress.UNKNOWN, {}, False),
        (Progress.ACCEPTED, {}, False),
        (Progress.CONFIRMED, {"kind": Kind.CONTINUE}, False),
        (Progress.REFUSED, {}, True),
        (Progress.NOT_RECEIVED, {}, True),
        (Progress.NOT_SENT, {}, True),
        (Progress.CONFLICT, {}, True),
        (None, {"target_id": "ckpt_2"}, True),
        (None, {"kind": Kind.REPLAY}, True),
    ],
)
def test_an_earlier_write_blocks_a_later_one_in_either_ledger(
    claims: Callable[..., bool], progress: Progress | None, later: dict[str, object], may_be_sent: bool
) -> None:
    assert claims(progress, **later) is may_be_sent


def test_of_simultaneous_claims_one_is_accepted_and_the_others_learn_who_has_it(team: TeamServer) -> None:
    ledgers = [team.open() for _ in range(6)]
    with ThreadPoolExecutor(len(ledgers)) as threads:
        for number in range(8):
            target = f"ckpt_{number}"
            claimed = list(
                threads.map(
                    lambda one, target=target: ledgers[one].claim(
                        write(f"{target}_{one}", target_id=target, person=f"person_{one}")
                    ),
                    range(len(ledgers)),
                )
            )
            (winner,) = [one for one, holder in enumerate(claimed) if holder is None]
            assert {holder.person for holder in claimed if holder is not None} == {f"person_{winner}"}
    for ledger in ledgers:
        ledger.close()
    assert len(team.all_writes()) == 8


def test_a_write_is_read_as_it_was_stored_with_its_outcome(team: TeamServer) -> None:
    odd = write(target_id="ckpt \x00\ud800", comment="é\n", entity_id="e", core_id="core_1", is_exclusive=False)
    with team.opened() as ledger, team.opened() as other:
        assert ledger.claim(odd) is None
        sent = replace(odd, progress="accepted", message="invoked", request_id="req_1", execution_id="exec_2")
        assert ledger.update(sent, holds_claim=True)
        assert not ledger.update(replace(sent, id="sub_unknown"), holds_claim=True)
        (read,) = other.by_ids(["sub_1", "sub_unknown"])
    stamps = {name: getattr(read, name) for name in ("claimed_at", "changed_at", "read_at", "change")}
    assert read == replace(sent, **stamps)
    assert 0 < read.claimed_at <= read.changed_at <= read.read_at


def test_changes_are_told_and_read_in_order_after_a_number(team: TeamServer) -> None:
    with team.opened() as ledger, team.opened() as other:
        ledger.claim(write("a", target_id="1"))
        ledger.claim(write("b", target_id="2"))
        first, second = other.newest(9)
        assert [one.id for one in other.newest(1)] == ["b"]
        socket = other.socket()
        assert socket is not None
        ledger.update(write("a", progress="refused"), holds_claim=False)
        assert select.select([socket], [], [], 30)[0]
        os.close(socket)
        assert [(one.id, one.progress) for one in other.changes_since(second.change, 9)] == [("a", "refused")]
        assert [one.id for one in other.changes_since(first.change, 1)] == ["b"]


def test_an_overdue_write_without_an_outcome_gives_its_claim_up(team: TeamServer) -> None:
    later = write("sub_2", person="grace")
    with team.opened() as ledger, team.opened() as other:
        assert claim_or_holder(ledger, write()) is None
        team.make_older(OVERDUE_AFTER_S - 60)
        holder = claim_or_holder(other, later)
        assert holder is not None
        assert isinstance(why_taken(holder), UsageError)
        assert "ada is sending approve now" in str(why_taken(holder))
        team.make_older(90)
        assert claim_or_holder(other, later) is None
        # The machine was only slow: it learns the outcome, and does not get the claim back.
        assert ledger.update(write(progress="accepted"), holds_claim=True)
        assert getattr(claim_or_holder(ledger, write("sub_3")), "id", None) == "sub_2"
    assert [one.progress for one in team.all_writes()] == ["sending", "accepted"]


@pytest.mark.parametrize("progress", ["accepted", "confirmed"])
def test_an_answer_that_was_accepted_never_gives_its_claim_up(team: TeamServer, progress: str) -> None:
    with team.opened() as ledger:
        assert claim_or_holder(ledger, write()) is None
        ledger.update(write(progress=progress), holds_claim=True)
        team.make_older(OVERDUE_AFTER_S + DAY_S)
        holder = claim_or_holder(ledger, write("sub_2"))
    assert holder is not None
    error = why_taken(holder)
    assert isinstance(error, Conflict)
    assert error.message.startswith("already answered: ada answered approve ")
    assert error.message.endswith(f" · {progress}")


def test_only_one_of_two_machines_takes_an_overdue_claim_over(team: TeamServer) -> None:
    with team.opened() as ledger:
        ledger.claim(write())
        team.make_older(OVERDUE_AFTER_S + 1)
    ledgers = [team.open() for _ in range(6)]
    with ThreadPoolExecutor(len(ledgers)) as threads:
        holders = list(
            threads.map(lambda one: claim_or_holder(ledgers[one], write(f"later_{one}")), range(len(ledgers)))
        )
    for ledger in ledgers:
        ledger.close()
    assert holders.count(None) == 1
    assert sorted(one.progress for one in team.all_writes()) == ["absent", "sending"]


def test_a_lost_connection_is_replaced_before_a_claim(server_journals: ServerJournals, team: TeamServer) -> None:
    with team.opened() as ledger:
        assert ledger.claim(write()) is None
        assert server_journals.end_connections(team.url)
        assert ledger.claim(write("sub_2", target_id="ckpt_2")) is None
        assert len(ledger.newest(9)) == 2


def test_what_waits_for_a_server_that_hangs_is_interrupted(team: TeamServer) -> None:
    schema = ledger_schema_of(team.identity)
    with team.opened() as ledger, psycopg.connect(team.url) as blocker, ThreadPoolExecutor(1) as thread:
        blocker.execute(f"LOCK TABLE {schema}.writes".encode())
        claim = thread.submit(ledger.claim, write())
        waits = f"SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '{schema}.writes'::regclass"  # noqa: S608
        while not blocker.execute(waits.encode()).fetchone():
            pass
        ledger.interrupt()
        with pytest.raises(StorageError, match="the connection was lost"):
            claim.result(60)
        blocker.rollback()
        assert [one.id for one in ledger.newest(9)] in ([], ["sub_1"])


def test_who_has_a_dialog_open_is_known_until_it_is_closed_or_expires(team: TeamServer) -> None:
    ada, grace = Presence("ckpt_1", "ada"), Presence("ckpt_1", "grace")
    with team.opened() as ledger:
        ledger.announce("session_1", ada, 60)
        ledger.announce("session_2", grace, 60)
        assert ledger.present("session_3") == [ada, grace]
        assert ledger.present("session_1") == [grace]
        ledger.announce("session_1", replace(ada, target_id="ckpt_2"), 60)
        ledger.withdraw("session_2")
        assert ledger.present("") == [Presence("ckpt_2", "ada")]
        team.execute("UPDATE presence SET expires_at = 0")
        assert ledger.present("") == []


def test_all_members_of_a_tenant_share_one_ledger_and_tenants_do_not(server_journals: ServerJournals) -> None:
    url = "https://shared.team.example"

    def member(subject: str | None, tenant: str | None, core: str | None = None) -> Identity:
        caller = Caller(subject, tenant)
        return Identity(url, "any", core, None if caller == Caller() else caller)

    with server_journals.new_database() as address:
        for one in (member("recorder", "t_1"), member("recorder", "t_1", "core_1"), member("recorder", "t_2")):
            prepare_ledger(address, one, one)
        first = TeamServer(server_journals, url)
        first.url = address
        ada = first.open(member("ada", "t_1", "core_9"))
        assert ada.claim(write()) is None
        grace, other = first.open(member("grace", "t_1")), first.open(member("ada", "t_2"))
        assert [one.person for one in grace.newest(9)] == ["ada"]
        assert other.newest(9) == []
        for unclear in (member(None, None), None):
            with pytest.raises(ConfigError, match="there are 2 ledgers"):
                first.open(unclear)
        for ledger in (ada, grace, other):
            ledger.close()


def test_a_ledger_is_only_created_by_a_recorder(server_journals: ServerJournals) -> None:
    with server_journals.new_database() as address:
        team = TeamServer(server_journals)
        team.url = address
        with pytest.raises(NotFound, match="there is no ledger for https://"):
            team.open()


def test_a_role_that_only_answers_needs_no_more_than_is_documented(
    server_journals: ServerJournals, team: TeamServer
) -> None:
    role, schema = f"answerer_{os.getpid()}", ledger_schema_of(team.identity)
    team.execute(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}")
    team.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
    team.execute(f"GRANT INSERT, UPDATE ON writes TO {role}; GRANT UPDATE ON ledger_state TO {role}")
    team.execute(f"GRANT INSERT, UPDATE, DELETE ON presence TO {role}")
    ledger = open_ledger(server_journals.url.replace("tester@", f"{role}@"), team.identity)
    assert claim_or_holder(ledger, write()) is None
    assert claim_or_holder(ledger, write("sub_2")) is not None
    assert ledger.update(write(progress="refused"), holds_claim=False)
    ledger.announce("session", Presence("ckpt_1", "ada"), 60)
    assert (len(ledger.newest(9)), len(ledger.present("")), len(ledger.by_ids(["sub_1"]))) == (1, 1, 1)
    ledger.withdraw("session")
    ledger.close()
    team.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_tables_of_a_newer_version_are_not_used(team: TeamServer) -> None:
    team.execute("UPDATE ledger_state SET version = 99")
    with pytest.raises(StorageError, match="newer scaicore-tui"):
        team.open()
    prepare_ledger(team.url, team.identity, team.identity)
    with pytest.raises(StorageError, match="newer scaicore-tui"):
        team.open()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "“a␛da” is sending approve"),
        ({"kind": "continue"}, "“a␛da” is continuing it"),
        ({"kind": "replay"}, "“a␛da” is replaying it"),
        ({"progress": "unknown"}, "“a␛da” answered approve 08:00:00 · unknown"),
        ({"progress": "a new word", "kind": "another"}, "“a␛da” answered approve 08:00:00 · unknown"),
        ({"progress": "confirmed", "kind": "continue"}, "“a␛da” continued it 08:00:00 · confirmed"),
    ],
)
def test_the_words_for_a_write_of_another_person(fields: dict[str, object], expected: str) -> None:
    at = int(NOW * 1_000_000)
    given = replace(write(person="a\x1bda", claimed_at=at, read_at=at), **fields)
    assert describe(given) == expected
