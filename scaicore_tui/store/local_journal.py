"""The local journal of a recorder: a file that keeps its events while the journal on a server can't be written.

It begins with the newest events of the journal on the server, so the events after them are known to follow. Events are
delivered from it (see `delivery`), and then it is deleted. Each feed on each server has one per machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from scaicore_tui.config import Identity
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.config.paths import state_dir
from scaicore_tui.protocol import decode_event
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.writer import JournalWriter

_SERVER_DIGITS = 16
_FILE_ENDINGS = ("", "-wal", "-shm")


def _without_password(url: JournalUrl) -> str:
    options = [(name, value) for name, value in parse_qsl(urlsplit(url.text).query) if name != "password"]
    return f"{url}?{urlencode(options)}"


class LocalJournal:
    """The file for the events of one feed that are to be delivered to one server."""

    def __init__(self, url: JournalUrl, identity: Identity, folder: Path | None = None) -> None:
        """`folder` is that of the state of this program, unless given."""
        server = hashlib.sha256(_without_password(url).encode()).hexdigest()[:_SERVER_DIGITS]
        folder = state_dir() / "undelivered" if folder is None else folder
        self.path = folder / f"{identity.file_stem}-{server}.journal"
        self._identity = identity

    def exists(self) -> bool:
        """Return True if there are events to deliver."""
        return self.path.exists()

    def open(self, newest: Sequence[bytes] = ()) -> Journal:
        """Open the file, or create it. Raises Conflict if another process uses it, and StorageError.

        A new file begins with the events `newest` of the journal on the server, newest first.
        """
        journal = Journal.open(self.path, self._identity)
        if newest and not len(journal):
            writer = JournalWriter(journal)
            writer.prepare()
            writer.append_new([decode_event(source) for source in reversed(newest)])
        return journal

    def delete(self, journal: Journal) -> None:
        """Delete the file after its events are delivered, and close `journal`, which is that file."""
        # Before the lock is released: another process would open a file that is to be deleted.
        for ending in _FILE_ENDINGS:
            with suppress(OSError):
                self.path.with_name(self.path.name + ending).unlink()
        journal.close()
