"""The roles of a journal on a server: what each may do, tenants that see nothing of each other, and migrations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

import psycopg
import pytest

from scaicore_tui.config import Caller, Identity
from scaicore_tui.errors import NotFound, ScaicoreError, StorageError
from scaicore_tui.store.postgres import open_for_reading, open_for_writing, opening, writer
from scaicore_tui.store.postgres.address import schema_of, schemas_of
from scaicore_tui.store.postgres.inspection import inspect
from scaicore_tui.store.postgres.roles import feed_sql, setup_sql
from scaicore_tui.store.postgres.tables import MIGRATIONS, TABLES_VERSION
from scaicore_tui.store.postgres.writer import ServerWriter
from tests.support.builders import NOON, entered
from tests.support.server_journals import ServerJournals, ServerPlace

NAMES = ("first_recorder", "second_recorder", "ada", "bob")
FEED_A, FEED_B = (Identity("https://grid.example", caller=Caller("ada", tenant)) for tenant in ("t_a", "t_b"))


class Database:
    """An empty database with a login for each of NAMES."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, script: Iterator[str] | list[str]) -> None:
        """Run a script as the owner of the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("\n".join(script).encode())

    def url_of(self, name: str) -> str:
        return self.url.replace("tester@", f"{login(name)}@")


def login(name: str) -> str:
    """Return the name of a login of this process: all share a server."""
    return f"{name}_{os.getpid()}"


@pytest.fixture
def database(server_journals: ServerJournals) -> Iterator[Database]:
    with server_journals.new_database() as url:
        found = Database(url)
        found.run([f"CREATE ROLE {login(name)} LOGIN;" for name in NAMES])
        yield found
        found.run([f"DROP OWNED BY {login(name)}; DROP ROLE {login(name)};" for name in NAMES])


def give_groups(database: Database, *, by_feed: bool) -> None:
    database.run(setup_sql(by_feed=by_feed))
    for name in NAMES[:2]:
        database.run([f"GRANT scaicore_recorder TO {login(name)};"])
        database.run([f"ALTER ROLE {login(name)} SET role = 'scaicore_recorder';"])
    database.run([f"GRANT scaicore_viewer TO {login('ada')}, {login('bob')};"])


def test_a_viewer_reads_only_the_feeds_of_its_tenant_and_is_not_told_of_others(database: Database) -> None:
    give_groups(database, by_feed=True)
    for feed in (FEED_A, FEED_B):
        with open_for_writing(database.url_of("first_recorder"), feed) as journal:
            journal.append([entered("a")])
    database.run(feed_sql(schemas_of(FEED_A), login("ada")))

    ada = database.url_of("ada")
    with open_for_reading(ada) as found:
        assert (found.identity, len(found)) == (FEED_A, 1)
    for feed in (FEED_B, Identity("https://other.example")):
        with pytest.raises(NotFound) as caught:
            open_for_reading(ada, feed)
        assert "t_b" not in str(caught.value).replace(feed.label, "")
    assert inspect(ada, None, lambda: 0).feeds == [FEED_A.label]
    with pytest.raises(NotFound):
        open_for_reading(database.url_of("bob"))
    with (
        psycopg.connect(ada) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"TABLE {schema_of(FEED_B)}.events".encode())
    with pytest.raises(StorageError, match="the role may not do this"):
        open_for_writing(ada, FEED_A)


def test_viewers_read_feeds_that_come_later_and_recorders_go_on_for_each_other(database: Database) -> None:
    with open_for_writing(database.url, FEED_A) as journal:
        journal.append([entered("a")])
    give_groups(database, by_feed=False)
    give_groups(database, by_feed=False)
    for name, feed in zip(NAMES[:2] * 2, (FEED_A, FEED_A, FEED_B, FEED_B), strict=True):
        with open_for_writing(database.url_of(name), feed) as journal:
            journal.append([entered("b")])
            # In another partition, which the role has to create.
            journal.append_above_gap([entered("c")], NOON, None)
    with open_for_reading(database.url_of("bob"), FEED_A) as journal:
        assert len(journal) == 5
    with open_for_reading(database.url_of("bob"), FEED_B) as journal:
        assert len(journal) == 4
    report = inspect(database.url_of("first_recorder"), FEED_B, lambda: 0)
    assert (report.may_write, report.may_create, report.has_notify, report.is_local) == (True, True, True, True)
    assert not inspect(database.url_of("bob"), FEED_B, lambda: 0).may_write


@contextmanager
def another_step(step: str) -> Iterator[None]:
    """Have one migration more."""
    with (
        patch.object(writer, "MIGRATIONS", (*MIGRATIONS, step)),
        patch.object(opening, "TABLES_VERSION", TABLES_VERSION + 1),
    ):
        yield


@pytest.fixture
def place(server_journals: ServerJournals) -> ServerPlace:
    found = ServerPlace(server_journals.url, Identity("https://migrated.example"))
    with psycopg.connect(found.url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema_of(found.identity)} CASCADE".encode())
    with found.open() as journal:
        journal.append([entered("a")])
    return found


def test_a_migration_that_fails_half_way_leaves_the_former_version(place: ServerPlace) -> None:
    with another_step("CREATE TABLE half (n integer); SELECT 1 / 0;"), pytest.raises(psycopg.errors.DivisionByZero):
        place.open()
    with place.open() as journal:
        assert journal.query("SELECT to_regclass('half')") == [(None,)]
        assert (journal.is_complete, len(journal)) == (False, 1)
    with another_step("CREATE TABLE whole (n integer);"):
        with pytest.raises(StorageError, match="older scaicore-tui") as caught:
            place.open_readonly()
        assert caught.value.hint == "start `record` of this version once: it migrates the tables"
        place.open().close()
        with place.open_readonly() as journal:
            assert len(journal) == 1
    for open_journal in (place.open, place.open_readonly):
        with pytest.raises(StorageError, match="newer scaicore-tui"):
            open_journal()


@pytest.mark.parametrize("has_locks", [True, False])
def test_two_recorders_that_migrate_at_once_take_each_step_once(place: ServerPlace, has_locks: bool) -> None:
    def open_one(_: int) -> str:
        try:
            place.open().close()
        except ScaicoreError as error:
            return type(error).__name__
        return ""

    lock = ServerWriter._lock if has_locks else lambda self: True
    step = "CREATE TABLE steps (n integer); INSERT INTO steps VALUES (1); SELECT pg_sleep(0.1);"
    with another_step(step), patch.object(ServerWriter, "_lock", lock), ThreadPoolExecutor(2) as threads:
        outcomes = sorted(threads.map(open_one, range(2)))
        assert outcomes in ([["", "Conflict"], ["", ""]] if has_locks else [["", ""]])
        with place.open_readonly() as journal:
            assert journal.query("SELECT n FROM steps") == [(1,)]


def test_names_in_scripts_are_quoted(database: Database) -> None:
    with open_for_writing(database.url, FEED_A):
        pass
    with pytest.raises(psycopg.errors.UndefinedObject, match="does not exist"):
        database.run(feed_sql(schemas_of(FEED_A), "x'; DROP SCHEMA public; -- $$"))
