"""Journals on a server, which need the extra `postgres`."""

from __future__ import annotations

from scaicore_tui.config import Identity
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import ConfigError
from scaicore_tui.store.journal import Journal


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


def no_driver(error: ImportError) -> ConfigError:
    """Return the error for packages of the extra that are not installed."""
    return ConfigError(
        f"a journal on a server needs packages that are not installed: {error.name}",
        effect="nothing was read or changed",
        hint="pip install 'scaicore-tui[postgres]'",
    )
