"""The ledger of a team: the writes of all its members, on the server of its journal.

A write must be claimed there before it is sent. Of the writes that answer one checkpoint, only one holds the claim at
a time, on whatever machine it was made. Statements and tables are in `postgres`; the rules, and the meaning of each
progress, are in `actions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

from msgspec import Struct

from scaicore_tui.auth import identify
from scaicore_tui.config import Identity, Target
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.store.servers import driver_needed
from scaicore_tui.units import Micros

# More than a list is read for; as JSON about 5 MB.
MAX_LISTED = 10_000


class SharedWrite(Struct, frozen=True):
    """A write in the ledger of a team. Times are microseconds since 1970, of the server's clock.

    person, machine: who sent it, and the machine on which the first record of it is.
    is_exclusive: it answers a checkpoint, so that no other write to it may be sent.
    claimed_at, changed_at, read_at: when it was claimed, last changed, and read.
    change: the number of the last change to it. Numbers of all changes rise in the order in which they become visible.
    """

    id: str
    kind: str
    target_id: str
    person: str
    machine: str
    progress: str
    core_id: str | None = None
    execution_id: str | None = None
    resolution: str | None = None
    comment: str | None = None
    entity_id: str | None = None
    message: str = ""
    request_id: str | None = None
    is_exclusive: bool = True
    claimed_at: Micros = 0
    changed_at: Micros = 0
    change: int = 0
    read_at: Micros = 0


class Presence(Struct, frozen=True):
    """A person who has the dialog to answer a checkpoint open."""

    target_id: str
    person: str


class SharedLedger(Protocol):
    """The ledger of a team, for one thread. All methods block, and raise StorageError if the server can't be used."""

    def claim(self, write: SharedWrite) -> SharedWrite | None:
        """Store a write and return None; or return the write that holds the claim to its target."""

    def update(self, write: SharedWrite, *, holds_claim: bool, unless_changed_since: int | None = None) -> bool:
        """Store progress, message, request and run of a write. It keeps its claim if `holds_claim`.

        Return False if it is not stored, or `unless_changed_since` is not the number of the last change to it.
        """

    def newest(self, limit: int) -> list[SharedWrite]:
        """Return the writes that changed last, in the order of their changes."""

    def changes_since(self, change: int, limit: int) -> list[SharedWrite]:
        """Return the writes with a later change than the one with that number, in the order of their changes."""

    def by_ids(self, ids: Sequence[str]) -> list[SharedWrite]:
        """Return the writes with these ids that are stored."""

    def announce(self, session_id: str, presence: Presence, lifetime_s: float) -> None:
        """Store who has a dialog open, until `lifetime_s` from now; a session has one dialog open."""

    def withdraw(self, session_id: str) -> None:
        """Remove what a session announced."""

    def present(self, but_session: str) -> list[Presence]:
        """Return who has a dialog open, but for one session."""

    def socket(self) -> int | None:
        """Return a descriptor that becomes readable when another session stored something, to be closed by the caller.

        None if the server does not tell.
        """

    def interrupt(self) -> None:
        """End the connection, from another thread: what waits for the server fails at once."""

    def close(self) -> None:
        """Close the connection."""


def open_shared_ledger(url: JournalUrl, identity: Identity | None) -> SharedLedger:
    """Open the ledger of the team that `identity` belongs to; without one, the only ledger.

    Raises NotFound if there is none, StorageError, CredentialsError and ConfigError.
    """
    with driver_needed():
        from scaicore_tui.store.postgres.ledger import open_ledger
    return open_ledger(url.text, identity)


def read_team_ledger(url: JournalUrl, target: Target | None) -> Sequence[SharedWrite]:
    """Return the newest writes of the team of `target`, or of the only team, in the order in which they were claimed.

    Raises the errors of `open_shared_ledger`.
    """
    with closing(open_shared_ledger(url, None if target is None else identify(target))) as ledger:
        return sorted(ledger.newest(MAX_LISTED), key=lambda write: (write.claimed_at, write.change))
