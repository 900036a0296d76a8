"""Journals on a real PostgreSQL server, for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from scaicore_tui.config import Identity
from scaicore_tui.store import Journal
from scaicore_tui.store.postgres import open_for_reading, open_for_writing
from scaicore_tui.store.postgres.address import parse_address, schema_of
from scaicore_tui.store.postgres.connection import Connection, ServerConnection
from tests.support import postgres

_TABLES = ("events", "gaps", "holes", "runs", "pending", "node_days", "node_parts", "asked", "identity", "removals")
_EMPTY = "; ".join([*map("DELETE FROM {}".format, _TABLES), "UPDATE journal_state SET event_count = 0"])
_END_OTHERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_COLUMNS = """SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE data_type = 'bytea' AND (table_schema LIKE 'feed%' OR table_schema LIKE 'ledger%')"""
_number = count()


class ServerPlace:
    """A journal on a server."""

    def __init__(self, url: str, identity: Identity) -> None:
        self.url = url
        self.identity = identity

    def open(self) -> Journal:
        return open_for_writing(self.url, self.identity)

    def open_readonly(self) -> Journal:
        return open_for_reading(self.url, self.identity)


class ServerJournals:
    """Journals on a server, each in a schema of its own."""

    kind = "postgres"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = f"test_{os.getpid()}"
        with psycopg.connect(postgres.address(folder, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.database}".encode())
        self.url = postgres.address(folder, self.database)
        self._scratch_place = self.place(Path())
        self._scratch: Journal | None = None
        self._emptying: ServerConnection | None = None

    def place(self, folder: Path) -> ServerPlace:
        return ServerPlace(self.url, Identity(f"https://{next(_number)}.example"))

    def emptied_place(self, folder: Path) -> ServerPlace:
        self.close()
        if self._emptying is None:
            with self.scratch() as journal:
                journal.close()
            self._scratch = None
            self._emptying = ServerConnection(parse_address(self.url, schema_of(self._scratch_place.identity)))
        self._emptying.connection.execute(_EMPTY)
        return self._scratch_place

    @contextmanager
    def scratch(self) -> Iterator[Journal]:
        if self._scratch is None:
            self._scratch = self._scratch_place.open()
        server_connection(self._scratch).execute(_EMPTY)
        yield self._scratch

    def lose_connection(self, journal: Journal) -> None:
        connection = server_connection(journal)
        with psycopg.connect(connection.info.dsn, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """Yield the URL of an empty database."""
        name = f"{self.database}_{next(_number)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        yield postgres.address(self.folder, name)

    def run_script(self, url: str, script: str) -> None:
        """Run statements of SQL in a database, as its owner."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(script.encode())

    def end_connections(self, url: str) -> int:
        """End all other connections to a database, as a crash of the server would; return their number."""
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(_END_OTHERS).fetchall()
        return len(found)

    def content_with(self, url: str, text: str) -> list[str]:
        """Return the columns, of all tables of a database, that contain a text."""
        with psycopg.connect(url, autocommit=True) as connection:
            columns = connection.execute(_COLUMNS).fetchall()
            return [
                f"{table}.{column}"
                for schema, table, column in columns
                if connection.execute(
                    f"SELECT 1 FROM {schema}.{table} WHERE position(%s::bytea IN {column}) > 0".encode(),  # noqa: S608
                    (text.encode(),),
                ).fetchone()
            ]

    def close(self) -> None:
        """Close the journal of `scratch`."""
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None

    def end(self) -> None:
        """Close all connections."""
        self.close()
        if self._emptying is not None:
            self._emptying.close()


def server_connection(journal: Journal) -> Connection:
    """Return the connection of a journal on a server."""
    with journal.using() as database:
        assert isinstance(database, ServerConnection)
        return database.connection


@contextmanager
def server_journals_in(shared: Path) -> Iterator[ServerJournals]:
    """Yield the maker of journals on the server of all processes with this folder; skip if there can be none."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server(shared) as folder:
        found = ServerJournals(folder)
        yield found
        found.end()
