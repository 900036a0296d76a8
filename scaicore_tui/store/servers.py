"""Journals on a server, which need the extra `postgres`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scaicore_tui.config import Identity
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import ConfigError
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.leadership import IF_FREE, Claim

if TYPE_CHECKING:
    from scaicore_tui.store.postgres import ServerFollower
    from scaicore_tui.store.postgres.inspection import ServerReport
    from scaicore_tui.store.postgres.recorders import LeaderJournal, Recorders


@contextmanager
def driver_needed() -> Iterator[None]:
    """Raise ConfigError if the block imports packages of the extra that are not installed."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"a journal on a server needs packages that are not installed: {error.name}",
            effect="nothing was read or changed",
            hint="pip install 'scaicore-tui[postgres]'",
        ) from None


def open_server_journal(url: JournalUrl, identity: Identity, claim: Claim = IF_FREE) -> LeaderJournal:
    """Open the journal of a feed for writing, as the leader of its recorders.

    Raises StorageError, CredentialsError, Conflict and ConfigError.
    """
    with driver_needed():
        from scaicore_tui.store.postgres import open_as_leader
    return open_as_leader(url.text, identity, claim)


def open_server_recorders(url: JournalUrl, identity: Identity) -> Recorders:
    """Return the recorders of the journal of a feed. Raises ConfigError."""
    with driver_needed():
        from scaicore_tui.store.postgres import open_recorders
    return open_recorders(url.text, identity)


def read_server_journal(url: JournalUrl) -> Journal:
    """Open the journal of the feed `url.wanted` for reading, or that of the only feed.

    Raises StorageError, CredentialsError, NotFound and ConfigError.
    """
    with driver_needed():
        from scaicore_tui.store.postgres import open_for_reading
    return open_for_reading(url.text, url.wanted)


def follow_server_journal(url: JournalUrl) -> tuple[Journal, ServerFollower]:
    """Open the journal of a feed for a viewer, as `read_server_journal` does, with what follows its changes."""
    with driver_needed():
        from scaicore_tui.store.postgres import open_for_following
    return open_for_following(url.text, url.wanted)


def inspect_server_journal(url: JournalUrl, now: Callable[[], float]) -> ServerReport:
    """Look at the journal of the feed `url.wanted`. Raises StorageError, CredentialsError and ConfigError."""
    with driver_needed():
        from scaicore_tui.store.postgres.inspection import inspect
    return inspect(url.text, url.wanted, now)


def journal_roles_sql(*, by_feed: bool) -> Iterator[str]:
    """Yield the lines of an SQL script that creates the roles of journals. Raises ConfigError without psycopg."""
    with driver_needed():
        from scaicore_tui.store.postgres.roles import setup_sql
    return setup_sql(by_feed=by_feed)


def feed_roles_sql(identity: Identity, role: str) -> Iterator[str]:
    """Yield the lines of an SQL script that lets a role reach the journal of a feed, and nothing else."""
    with driver_needed():
        from scaicore_tui.store.postgres.address import schemas_of
        from scaicore_tui.store.postgres.roles import feed_sql
    return feed_sql(schemas_of(identity), role)
