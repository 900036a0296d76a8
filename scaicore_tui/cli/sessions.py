"""Turn command-line flags into settings, targets and open sessions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scaicore_tui.cli.options import DEFAULT_BACKFILL, Common
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.config import Flags, Settings, Target, load_settings
from scaicore_tui.config.journal_url import JournalLocation, JournalUrl
from scaicore_tui.config.ui import UiTable
from scaicore_tui.errors import ConfigError, StorageError, UsageError
from scaicore_tui.log import Log

_log = Log(__name__)
OFFLINE_HINT = "runs, show, events and the app work offline"

if TYPE_CHECKING:
    from scaicore_tui.session import Session, SharedWrite


def load_common_settings(common: Common) -> Settings:
    """Return the settings from flags, environment and profile, each with its source. Raises ConfigError."""
    return load_settings(to_flags(common))


def to_flags(common: Common) -> Flags:
    """Return the flags that are settings."""
    return Flags(**{name: getattr(common, name) for name in Flags.__struct_fields__})


def usable_target(settings: Settings) -> Target | None:
    """Return the API to connect to; None if none is set.

    Raises ConfigError, and CredentialsError if no token can be obtained for it. An API on this machine may be a `serve`
    with a token of its own: there a token is only required if the profile names a variable for it.
    """
    if _log.is_on:
        sources = {name: source for name, (_, source) in settings.values.items() if source != "default"}
        _log.info("settings", profile=settings.name, selected_by=settings.selected_by or "default", sources=sources)
    target = settings.target()
    if target is None or target.has_credential:
        return target
    if not target.is_loopback or settings.tokens.profile.token_env is not None:
        raise settings.tokens.missing_token_error(target.host)
    return target


def require_target(common: Common) -> Target:
    """Return the API to connect to, which has a way to get a token.

    Raises UsageError, ConfigError or CredentialsError; the error says what to set.
    """
    if common.offline:
        raise UsageError(
            "this command needs the server, but --offline sends no requests",
            effect="nothing was sent",
            hint=OFFLINE_HINT,
        )
    settings = load_common_settings(common)
    target = usable_target(settings)
    if target is None:
        named = f"set --profile {' or '.join(settings.names)}, or" if settings.names else "set"
        raise ConfigError("no API is set", hint=f"{named} SCAICORE_TUI_URL, or --url, or try: scaicore-tui demo")
    if not target.has_credential:
        raise settings.tokens.missing_token_error(target.host)
    if settings.override_warning:
        say(settings.override_warning)
    return target


def server_journal(common: Common, settings: Settings | None = None) -> JournalUrl | None:
    """Return the journal on a server that `--journal` names, or else the profile; None if there is none."""
    if common.no_journal:
        return None
    if common.journal is not None:
        return common.journal if isinstance(common.journal, JournalUrl) else None
    text = (settings or load_common_settings(common)).values["journal"].value
    return None if text is None else JournalUrl(text)


def recording_to_read(common: Common) -> JournalLocation | None:
    """Return the recording that a command reads in place of the API: offline, of JSON lines, or on a server.

    None if it reads the API. Raises ConfigError.
    """
    from scaicore_tui.session import is_event_file

    if common.offline or (common.journal is not None and is_event_file(common.journal)):
        return recorded_file(common)
    url = server_journal(common)
    if url is None:
        return None
    target = load_common_settings(common).target()
    return url if target is None else _with_feed(url, target)


def viewer_target(settings: Settings) -> Target:
    """Return the API whose journal is viewed, which needs no token. Without a URL, the journal tells the API."""
    target = settings.target()
    if target is not None:
        return target
    values = {key: settings.values[key].value for key in ("interval", "read_only", "low_bandwidth")}
    return Target(url="", name=settings.name, ui=settings.ui_table, **values)


def recorded_file(common: Common) -> JournalLocation:
    """Return the file to show offline, or the journal on a server: that of `--journal`, else the profile's journal.

    Raises ConfigError if neither is set.
    """
    if common.no_journal:
        raise UsageError("--offline shows a journal: use it without --no-journal")
    if isinstance(common.journal, Path):
        return common.journal
    # Not `usable_target`: a token is not needed to find the journal.
    settings = load_common_settings(common)
    target, url = settings.target(), server_journal(common, settings)
    if url is not None:
        is_named = common.profile or common.url or common.journal is None
        return _with_feed(url, target) if is_named and target is not None else url
    if target is None:
        raise ConfigError(
            "no journal to show", hint="set --journal FILE, or --profile or --url to show the journal of that API"
        )
    from scaicore_tui.session import journal_to_read

    return journal_to_read(target)


def _with_feed(url: JournalUrl, target: Target) -> JournalUrl:
    """Return the URL with the feed of an API."""
    from scaicore_tui.auth import identify

    return replace(url, wanted=identify(target))


def journal_file_only(common: Common) -> Path | None:
    """Return the file that `--journal` names. Raises UsageError for a journal on a server."""
    if isinstance(common.journal, JournalUrl):
        raise UsageError("this only works on a journal in a file", effect="nothing was read or changed")
    return common.journal


def read_team_writes(common: Common, url: JournalUrl) -> Sequence[SharedWrite]:
    """Return the writes of the team of the profile or the URL; of the only team if only `--journal` is given."""
    from scaicore_tui.session import read_team_ledger

    is_named = common.profile or common.url or common.journal is None
    target = load_common_settings(common).target() if is_named else None
    return read_team_ledger(url, target)


def flows_folder(common: Common) -> Path | None:
    """Return the folder with the graphs of flows that the profile names; None if it names none."""
    from scaicore_tui.config.paths import expand_home

    folder = load_common_settings(common).values["flows"].value
    return None if folder is None else expand_home(folder, "flows")


def open_offline(common: Common, ui: UiTable) -> Session:
    """Open an offline session for the app. Raises NotFound or ConfigError if there is nothing to show.

    `ui` is how a journal looks that belongs to no profile.
    """
    path = recorded_file(common)
    if common.core is not None and common.journal is not None:
        raise UsageError("--core only works with a server or a profile; press / in the app to filter a journal")
    named = Target(url="http://localhost", name=path.name, low_bandwidth=common.low_bandwidth, ui=ui)
    target = named if common.journal is not None else load_common_settings(common).target() or named
    from scaicore_tui.session import open_recorded_session

    return open_recorded_session(target, path)


def open_oneshot(common: Common, backfill: int = DEFAULT_BACKFILL) -> Session:
    """Open a session for one command that only reads.

    Without `--journal` it has a temporary journal. `backfill` is the number of past events to read if `--backfill` is
    not given. A journal on a server is followed, and needs no token.
    """
    from scaicore_tui.session import open_session, open_viewer

    settings = None if common.offline else load_common_settings(common)
    url = None if settings is None else server_journal(common, settings)
    if settings is not None and url is not None:
        return open_viewer(viewer_target(settings), url)
    return open_session(require_target(common), journal_file_only(common), backfill=_backfill(common, backfill))


@asynccontextmanager
async def open_for_writing(common: Common) -> AsyncIterator[Session]:
    """Open a session for one command that writes; after closing it, warn if the ledger could not be written."""
    from scaicore_tui.session import open_session, open_viewer

    target, url = require_target(common), server_journal(common)
    if url is not None:
        session: Session = open_viewer(target, url, keeps_writes=True)
    else:
        session = open_session(target, journal_file_only(common), backfill=_backfill(common), keeps_writes=True)
    has_failed = False
    try:
        async with session:
            yield session
    except StorageError:
        has_failed = True
        raise
    finally:
        if not has_failed:
            report_ledger_problem(session)


def open_app_session(common: Common, settings: Settings) -> Session | None:
    """Open a session for the app, or a viewer if the journal is on a server; None if no API is set."""
    from scaicore_tui.session import open_viewer

    url = server_journal(common, settings)
    if url is not None:
        return open_viewer(viewer_target(settings), url, keeps_writes=True)
    target = usable_target(settings)
    return None if target is None else open_for_app(common, target)


def open_for_app(common: Common, target: Target) -> Session:
    """Open a session for the app, with the journal of `open_readonly`."""
    from scaicore_tui.session import open_usable_session

    return open_usable_session(target, journal_path(common, target), backfill=_backfill(common))


def journal_path(common: Common, target: Target) -> Path | None:
    """Return the file for the app's journal: that of `--journal`, else the profile's; None with `--no-journal`."""
    from scaicore_tui.session import journal_to_write

    return None if common.no_journal else journal_file_only(common) or journal_to_write(target)


def former_notice(common: Common, target: Target) -> str:
    """Return a notice if the journal of an older version exists and is not used; empty if there is none.

    It is only returned until `target` has a journal of its own.
    """
    from scaicore_tui.session import unused_former_journal

    if server_journal(common) is not None:
        return ""
    path = journal_path(common, target)
    if path is None or path == common.journal or os.path.lexists(path):
        return ""
    former = unused_former_journal(target)
    return (
        ""
        if former is None
        else f"the old journal {former} is not used, as it may have events of other APIs; --offline --journal shows it"
    )


def report_ledger_problem(session: Session) -> None:
    """Warn if the ledger could not be written."""
    if session.ledger_problem:
        say(f"warning: {session.ledger_problem}")


def report_unknown(session: Session) -> None:
    """Report problems with the ledger, events that were not saved, and writes whose outcome is still unknown."""
    report_ledger_problem(session)
    if session.lost_count:
        say(f"{session.lost_count:,} events were not saved: {session.journal_problem}")
    if unknown := session.writes_to_look_up:
        count, them = ("1 write has", "it") if len(unknown) == 1 else (f"{len(unknown)} writes have", "them")
        say(f"{count} an unknown outcome: the next start of the app looks {them} up; scaicore-tui ledger lists {them}")


def open_recording(common: Common) -> tuple[Session, JournalLocation]:
    """Open a session for `record`; return it with the path of its journal: that of `--journal`, else the profile's."""
    if common.no_journal:
        raise UsageError("record writes a journal: use it without --no-journal")
    target = require_target(common)
    from scaicore_tui.session import journal_to_write, open_session

    path = common.journal or server_journal(common) or journal_to_write(target)
    if isinstance(path, Path) and common.journal is None and (notice := former_notice(common, target)):
        say(notice)
    return open_session(target, path, backfill=_backfill(common)), path


def _backfill(common: Common, default: int = DEFAULT_BACKFILL) -> int:
    """Return the number of past events to read: from `--backfill`, else `default`."""
    return default if common.backfill is None else common.backfill
