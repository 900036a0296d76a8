"""Ledgers of a team on a real PostgreSQL server, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg

from scaicore_tui.config import Caller, Identity
from scaicore_tui.store.postgres.address import ledger_schema_of
from scaicore_tui.store.postgres.ledger import ServerLedger, open_ledger
from scaicore_tui.store.postgres.ledger_tables import prepare_ledger
from scaicore_tui.store.shared_ledger import SharedWrite
from tests.support.server_journals import ServerJournals

_number = count()


class TeamServer:
    """The ledger of one team, which a recorder has created on a server."""

    def __init__(self, journals: ServerJournals, url: str | None = None) -> None:
        self.url = journals.url
        self.identity = Identity(url or f"https://{next(_number)}.team.example")
        prepare_ledger(self.url, self.identity, self.identity)

    def open(self, identity: Identity | None = None) -> ServerLedger:
        """Open the ledger, as a session of some member does."""
        return open_ledger(self.url, identity or self.identity)

    @contextmanager
    def opened(self) -> Iterator[ServerLedger]:
        """Open the ledger, and close it in the end."""
        ledger = self.open()
        try:
            yield ledger
        finally:
            ledger.close()

    def member(self, name: str) -> Identity:
        """Return the identity of a member, whose token names its subject."""
        return Identity(self.identity.url, caller=Caller(name))

    def all_writes(self) -> list[SharedWrite]:
        """Return all writes, in the order of their changes."""
        with self.opened() as ledger:
            return ledger.newest(1_000)

    def execute(self, statement: str) -> None:
        """Run a statement in the schema of the ledger."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"SET search_path TO {ledger_schema_of(self.identity)}".encode())
            connection.execute(statement.encode())

    def make_older(self, seconds: float) -> None:
        """Let all writes have been claimed earlier."""
        self.execute(f"UPDATE writes SET claimed_at = claimed_at - {int(seconds * 1_000_000)}")  # noqa: S608
