"""Journals on a server, which need the extra `postgres`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaicore_tui.config import Identity
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import ConfigError
from scaicore_tui.store.journal import Journal

if TYPE_CHECKING:
    from scaicore_tui.store.postgres import ServerFollower


def open_server_journal(url: JournalUrl, identity: Identity) -> Journal:
    """Open the journal of a feed for writing. Raises StorageError, CredentialsError, Conflict and ConfigError."""
    try:
        from scaicore_tui.store.postgres import open_for_writing
    except ImportError as error:
        raise no_driver(error) from None
    return open_for_writing(url.text, identity)


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
