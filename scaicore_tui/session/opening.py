"""Open sessions: with a journal file or without one, or offline on a recorded file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scaicore_tui.actions import Ledger
from scaicore_tui.auth import identify
from scaicore_tui.config import Target, ledger_file
from scaicore_tui.config.journal_url import JournalLocation, JournalUrl
from scaicore_tui.errors import ConfigError
from scaicore_tui.log import Log
from scaicore_tui.session.offline import OfflineSession
from scaicore_tui.session.session import DEFAULT_BACKFILL, Session
from scaicore_tui.store import Journal
from scaicore_tui.store.failures import DamagedJournal
from scaicore_tui.store.recordings import open_readonly, require_complete
from scaicore_tui.store.servers import follow_server_journal, open_server_journal
from scaicore_tui.store.shared_ledger import open_shared_ledger

if TYPE_CHECKING:
    from scaicore_tui.session.viewer import ViewerSession

_log = Log(__name__)


def open_session(
    target: Target,
    path: JournalLocation | None = None,
    *,
    backfill: int = DEFAULT_BACKFILL,
    keeps_writes: bool = False,
) -> Session:
    """Open a session with a journal, in a file or on a server; without one, events are only kept until it is closed.

    Writes are recorded in the ledger only if it `keeps_writes`: a command that only reads does not open the ledger, so
    that no problem with it can stop the command. Raises StorageError if the journal cannot be opened, Conflict if
    another program writes it.
    """
    if isinstance(path, JournalUrl):
        journal = _open_on_server(target, path)
    else:
        journal = Journal.in_memory() if path is None else Journal.open(path, identify(target))
    return _open(target, journal, backfill, path, keeps_writes=keeps_writes)


def _open_on_server(target: Target, url: JournalUrl) -> Journal:
    if target.keep_mb is not None:
        raise ConfigError(
            "keep_mb limits a journal in a file, not one on a server",
            effect="nothing was recorded",
            hint="set keep_days in its place",
        )
    return open_server_journal(url, identify(target))


def open_usable_session(target: Target, path: Path | None, *, backfill: int = DEFAULT_BACKFILL) -> Session:
    """Open a session that records writes, even if the journal in `path` cannot be written or is damaged.

    Events are then kept in memory, and `journal_problem` says why. Raises Conflict if another program writes it,
    ConfigError if it is the journal of another feed.
    """
    if path is None:
        return open_session(target, backfill=backfill, keeps_writes=True)
    journal = Journal.open_or_in_memory(path, identify(target))
    try:
        return _open(target, journal, backfill, path, keeps_writes=True)
    except DamagedJournal as error:
        journal.close()
        replacement = Journal.in_memory_instead_of(path, identify(target), error)
        return _open(target, replacement, backfill, path, keeps_writes=True)


def open_viewer(target: Target, url: JournalUrl, *, keeps_writes: bool = False) -> ViewerSession:
    """Open a session that shows the journal on a server while a recorder writes it.

    If `target` has no URL, it is the only journal there, and nothing can be written: a token is never sent to an
    address that a database names. Writes are claimed in the ledger of the team, on the same server; they are recorded
    in that of this machine only if it `keeps_writes`.

    Raises NotFound if there is no such journal, ConfigError if there are several, StorageError and CredentialsError if
    it can't be read.
    """
    from scaicore_tui.session.viewer import ViewerSession

    wanted = identify(target) if target.url else None
    journal, source = follow_server_journal(replace(url, wanted=wanted))
    try:
        require_complete(journal, url)
        if wanted is None and journal.identity is not None:
            feed = journal.identity
            target = replace(target, url=feed.url, core=feed.core, token=None, sources=(), read_only=True)
        _log.info("journal", file=str(url), in_memory=False)
        ledger = Ledger(ledger_file() if keeps_writes else None)
        return ViewerSession(target, journal, source, ledger=ledger, open_team_ledger=partial(open_shared_ledger, url))
    except BaseException:
        journal.close()
        raise


def open_recorded_session(target: Target, path: JournalLocation) -> OfflineSession:
    """Open a session that shows a recorded file, a journal or JSON lines, and sends nothing.

    Only the name and the display options of `target` are used. Raises NotFound if there is no file, StorageError if it
    cannot be read, ConfigError if it is neither a journal nor JSON lines.
    """
    return OfflineSession(replace(target, offline=True, token=None, sources=()), open_readonly(path))


def _open(
    target: Target, journal: Journal, backfill: int, path: JournalLocation | None, *, keeps_writes: bool
) -> Session:
    _log.info("journal", file=None if path is None else str(path), in_memory=path is None or bool(journal.write_error))
    ledger = Ledger(ledger_file() if keeps_writes else None)
    return Session(target, journal, backfill=backfill, ledger=ledger)
