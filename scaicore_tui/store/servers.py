"""Journals on a server, which need the extra `postgres`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaicore_tui.config import Identity
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import ConfigError
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.leadership import IF_FREE, Claim

if TYPE_CHECKING:
    from scaicore_tui.store.postgres import ServerFollower
    from scaicore_tui.store.postgres.recorders import LeaderJournal, Recorders


def open_server_journal(url: JournalUrl, identity: Identity, claim: Claim = IF_FREE) -> LeaderJournal:
    """Open the journal of a feed for writing, as the leader of its recorders.

    Raises StorageError, CredentialsError, Conflict and ConfigError.
    """
    try:
        from scaicore_tui.store.postgres import open_as_leader
    except ImportError as error:
        raise no_driver(error) from None
    return open_as_leader(url.text, identity, claim)


def open_server_recorders(url: JournalUrl, identity: Identity) -> Recorders:
    """Return the recorders of the journal of a feed. Raises ConfigError."""
    try:
        from scaicore_tui.store.postgres import open_recorders
    except ImportError as error:
        raise no_driver(error) from None
    return open_recorders(url.text, identity)


def read_server_journal(url: JournalUrl) -> Journal:
    """Open the journal of the feed `url.wanted` for reading, or that of the only feed.

    Raises StorageError, CredentialsError, NotFound and ConfigError.
    """
    try:
        from scaicore_tui.store.postgres import open_for_reading
    except ImportError as error:
        raise no_driver(error) from None
    return open_for_reading(url.text, url.wanted)


def follow_server_journal(url: JournalUrl) -> tuple[Journal, ServerFollower]:
    """Open the journal of a feed for a viewer, as `read_server_journal` does, with what follows its changes."""
    try:
        from scaicore_tui.store.postgres import open_for_following
    except ImportError as error:
        raise no_driver(error) from None
    return open_for_following(url.text, url.wanted)


def no_driver(error: ImportError) -> ConfigError:
    """Return the error for packages of the extra that are not installed."""
    return ConfigError(
        f"a journal on a server needs packages that are not installed: {error.name}",
        effect="nothing was read or changed",
        hint="pip install 'scaicore-tui[postgres]'",
    )
