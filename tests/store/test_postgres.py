"""What only holds for a journal on a server: who may write it, lost connections, roles, passwords, and odd ids."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from scaicore_tui.config import Caller, Identity, Target
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import ConfigError, CredentialsError, NotFound, ScaicoreError, StorageError
from scaicore_tui.session import open_recorded_session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.leadership import WriterReplaced
from scaicore_tui.store.postgres import open_for_reading, open_for_writing
from scaicore_tui.store.postgres.address import parse_address, schema_of
from scaicore_tui.store.postgres.writer import ServerWriter
from scaicore_tui.store.summaries import Summaries
from tests.support import postgres, stored
from tests.support.builders import NOON, SECOND, completed, entered, many_runs, started
from tests.support.server_journals import ServerJournals, ServerPlace

PASSWORD = "unguessable pass/word"


@pytest.fixture
def place(server_journals: ServerJournals, tmp_path: Path) -> ServerPlace:
    return server_journals.place(tmp_path)


def administrate(server_journals: ServerJournals, *statements: str) -> None:
    with psycopg.connect(server_journals.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def role(server_journals: ServerJournals) -> Iterator[str]:
    """Yield the URL of a role that has a password, and may do nothing."""
    administrate(server_journals, f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'")
    yield postgres.address(server_journals.folder, server_journals.database, "locked")
    administrate(server_journals, "DROP OWNED BY locked", "DROP ROLE locked")


# Longer than an index takes, also compressed.
LONG_KEY = "".join(f"{number:x}" for number in range(NOON, NOON + 10**9, 10**5))


@pytest.mark.parametrize(
    "key", ["exec_\0", "\0", "exec_\ud800", "exec_ä\U0001f600", "'; DROP TABLE runs; --", "%s ?", LONG_KEY]
)
def test_any_id_is_stored_and_found(place: ServerPlace, key: str) -> None:
    with place.open() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new([started(NOON, key), started(NOON, "exec_other"), completed(NOON + SECOND, key)])
        assert [event.execution_id for event in journal.events(key)] == [key, key]
        stored = Summaries(journal.reader)
        assert [summary.execution_id for summary in stored.by_ids([key])] == [key]
        assert key in [summary.execution_id for summary in stored.matching(key[:-1], 9)]
        gap = journal.append_above_gap([started(NOON, "exec_new")], NOON, f"cursor {key}")
        assert journal.open_gaps() == [gap]
        assert journal.gaps()[0].last_execution == key


def test_a_writer_goes_on_after_a_lost_connection(server_journals: ServerJournals, place: ServerPlace) -> None:
    with place.open() as journal:
        journal.append([entered("a")])
        server_journals.lose_connection(journal)
        with pytest.raises(StorageError, match="the connection") as caught:
            journal.append([entered("b")])
        assert caught.value.is_temporary
        journal.append([entered("b")])
        assert "".join(step.node_id or "" for step in journal.events()) == "ab"
        assert len(journal.reader) == 2


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_transaction_in_which_a_statement_failed_stores_nothing(
    server_journals: ServerJournals, place: ServerPlace, is_lost: bool
) -> None:
    with place.open() as journal:

        def write_in_spite_of_an_error() -> None:
            with journal.transaction() as database:
                database.execute("INSERT INTO gaps VALUES (1, 1, 1)")
                if is_lost:
                    server_journals.lose_connection(journal)
                with suppress(psycopg.Error):
                    database.execute("no statement")
                if is_lost:
                    database.execute("INSERT INTO gaps VALUES (2, 2, 2)")

        with pytest.raises((psycopg.Error, StorageError)):
            write_in_spite_of_an_error()
        journal.append([entered("a")])
        assert (len(journal), journal.gap_count()) == (1, 0)


def test_a_writer_that_lost_its_connection_cannot_write_after_another_took_over(
    server_journals: ServerJournals, place: ServerPlace
) -> None:
    with place.open() as former:
        former.append([entered("a")])
        server_journals.lose_connection(former)
        with place.open() as other:
            with pytest.raises(StorageError):
                former.append([entered("x")])
            with pytest.raises(StorageError, match="another connection is writing"):
                former.append([entered("x")])
            other.append([entered("b")])
        for _ in range(2):
            with pytest.raises(WriterReplaced, match="another scaicore-tui has become the writer"):
                former.append([entered("x")])
    with place.open_readonly() as journal:
        assert "".join(step.node_id or "" for step in journal.events()) == "ab"


def test_without_advisory_locks_the_newest_writer_is_the_only_one(place: ServerPlace) -> None:
    with patch.object(ServerWriter, "_lock", return_value=True), place.open() as former:
        former.append([entered("a")])
        with place.open() as newest:
            newest.append([entered("b")])
            with pytest.raises(WriterReplaced):
                former.append([entered("x")])
            newest.append([entered("c")])
            assert "".join(step.node_id or "" for step in newest.events()) == "abc"


def test_several_threads_read_while_a_transaction_writes(place: ServerPlace) -> None:
    with place.open() as journal, ThreadPoolExecutor(3) as threads:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(many_runs(20))
        with journal.transaction():
            journal.append([entered("a")])
            counts = list(threads.map(lambda _: len(journal.reader), range(9)))
        assert counts == [80] * 9
        assert len(journal.reader) == 81


def test_a_reader_sees_the_journal_as_it_was_when_it_began(place: ServerPlace) -> None:
    with place.open() as journal, place.open_readonly() as reader:
        journal.append([entered("a")])
        reader.begin_snapshot()
        journal.append([entered("b")])
        assert (len(reader), len(journal)) == (1, 2)


def test_a_journal_of_a_newer_version_is_unchanged(server_journals: ServerJournals, place: ServerPlace) -> None:
    with place.open() as journal:
        journal.append([entered("a")])
        with journal.transaction() as database:
            database.execute("UPDATE journal_state SET version = 99")
    for open_journal in (place.open, place.open_readonly):
        with pytest.raises(StorageError, match="newer scaicore-tui"):
            open_journal()


def test_a_journal_that_nobody_wrote_cannot_be_read(place: ServerPlace) -> None:
    with pytest.raises(NotFound, match="there is no journal of https://") as caught:
        place.open_readonly()
    assert "start `record`" in caught.value.hint


def test_feeds_of_two_tenants_are_apart_and_one_feed_has_one_journal(server_journals: ServerJournals) -> None:
    def opened(caller: Caller | None, profile: str = "default") -> Journal:
        return open_for_writing(server_journals.url, Identity("https://grid.example", profile, None, caller))

    with opened(Caller("ada", "t_1")) as one, opened(Caller("ada", "t_2")) as two:
        one.append([entered("a")])
        assert len(two) == 0
    with opened(Caller("grace", "t_1"), "other") as journal:
        assert len(journal) == 1


def test_a_role_that_may_only_read_reads(server_journals: ServerJournals, place: ServerPlace, role: str) -> None:
    url = role.replace("locked@", "locked:unguessable%20pass%2Fword@")
    with place.open() as journal:
        journal.append([entered("a")])
    with pytest.raises(StorageError, match="the role may not use it"):
        open_for_writing(url, place.identity)
    schema = schema_of(place.identity)
    administrate(server_journals, f"GRANT USAGE ON SCHEMA {schema} TO locked")
    administrate(server_journals, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO locked")
    with open_for_reading(url, place.identity) as reader:
        assert len(reader) == 1
    with pytest.raises(StorageError, match="the role may not do this"):
        open_for_writing(url, place.identity)


def test_the_server_asks_for_a_password_which_pgpass_has(
    place: ServerPlace, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.open():
        pass
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    with pytest.raises(CredentialsError, match="asks for a password") as caught:
        open_for_reading(role, place.identity)
    assert "~/.pgpass" in caught.value.hint
    (tmp_path / "pgpass").write_text(f"*:*:*:locked:{PASSWORD}\n")
    (tmp_path / "pgpass").chmod(0o600)
    with pytest.raises(NotFound, match="that this role may read"):
        open_for_reading(role, place.identity)
    with pytest.raises(CredentialsError, match="does not accept the password") as wrong:
        open_for_reading(role.replace("locked@", "locked:wrong-password@"), place.identity)
    assert "wrong-password" not in str(wrong.value)


async def test_an_offline_session_shows_a_journal_on_a_server(place: ServerPlace) -> None:
    with place.open() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.rebuild_missing()
        writer.append_new(many_runs(30))
    url = JournalUrl(place.url, place.identity)
    async with open_recorded_session(Target(url="http://127.0.0.1:1", name="test"), url) as session:
        await session.load()
        assert session.journal_problem == ""
        assert len(session.index.order) == len(stored.ids(session.stored_runs)) == 30
        assert stored.run(session.stored_runs, "exec_0007").event_count == 4
        assert [row.visits for row in await session.statistics.figures(None)] == [30]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("/test_", "/missing_"), "does not exist"),
        (("host=", "host=%2Fmissing"), "can't connect to postgresql:///"),
        (("?host=", "?options=-c%20default_transaction_read_only%3Don&host="), "the server only permits reading"),
        (("?host=", "?colour=blue&host="), "is not a PostgreSQL URL"),
    ],
)
def test_an_address_that_does_not_work_is_explained(
    server_journals: ServerJournals, change: tuple[str, str], expected: str
) -> None:
    with pytest.raises(ScaicoreError, match=expected) as caught:
        open_for_writing(server_journals.url.replace(*change), Identity("https://unused.example"))
    assert isinstance(caught.value, StorageError | ConfigError)
    assert caught.value.effect
    assert caught.value.hint


def test_a_password_in_the_address_is_never_shown() -> None:
    address = parse_address("postgresql://ada:unguessable-password@db.example:5433/journal", "feed_x")
    assert address.label == "postgresql://db.example:5433/journal"
    assert "unguessable-password" not in repr(address)
    with pytest.raises(ConfigError) as caught:
        parse_address("postgresql://ada:unguessable-password@db.example:port/x?colour=1", "feed_x")
    assert "unguessable-password" not in str(caught.value)
