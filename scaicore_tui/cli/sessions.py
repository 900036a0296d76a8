"""Turn command-line flags into settings, targets and open sessions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
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
    from scaicore_tui.session import Session


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


def recorded_file(common: Common) -> JournalLocation:
    """Return the file to show offline, or the journal on a server: that of `--journal`, else the profile's journal.

    Raises ConfigError if neither is set.
    """
    if common.no_journal:
        raise UsageError("--offline shows a journal: use it without --no-journal")
    if isinstance(common.journal, JournalUrl):
        return _with_feed(common.journal, common)
    if common.journal is not None:
        return common.journal
    # Not `usable_target`: a token is not needed to find the journal.
    target = load_common_settings(common).target()
    if target is None:
        raise ConfigError(
            "no journal to show", hint="set --journal FILE, or --profile or --url to show the journal of that API"
        )
    from scaicore_tui.session import journal_to_read

    return journal_to_read(target)


def _with_feed(url: JournalUrl, common: Common) -> JournalUrl:
    """Add the feed that the options name, if they name one."""
    from scaicore_tui.auth import identify

    target = load_common_settings(common).target() if common.profile or common.url else None
    return url if target is None else replace(url, wanted=identify(target))


def journal_file_only(common: Common) -> Path | None:
    """Return the file that `--journal` names. Raises UsageError for a journal on a server."""
    if isinstance(common.journal, JournalUrl):
        raise UsageError(
            "only `record`, and commands with --offline, work on a journal on a server so far",
            effect="nothing was read or changed",
            hint="add --offline to read it",
        )
    return common.journal


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
    not given.
    """
    from scaicore_tui.session import open_session

    return open_session(require_target(common), journal_file_only(common), backfill=backfill_of(common, backfill))


@asynccontextmanager
async def open_for_writing(common: Common) -> AsyncIterator[Session]:
    """Open a session for one command that writes; after closing it, warn if the ledger could not be written."""
    from scaicore_tui.session import open_session

    target = require_target(common)
    session = open_session(target, journal_file_only(common), backfill=backfill_of(common), keeps_writes=True)
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


def open_for_app(common: Common, target: Target) -> Session:
    """Open a session for the app, with the journal of `open_readonly`."""
    from scaicore_tui.session import open_usable_session

    return open_usable_session(target, journal_path(common, target), backfill=backfill_of(common))


def journal_path(common: Common, target: Target) -> Path | None:
    """Return the file for the app's journal: that of `--journal`, else the profile's; None with `--no-journal`."""
    from scaicore_tui.session import journal_to_write

    return None if common.no_journal else journal_file_only(common) or journal_to_write(target)


def former_notice(common: Common, target: Target) -> str:
    """Return a notice if the journal of an older version exists and is not used; empty if there is none.

    It is only returned until `target` has a journal of its own.
    """
    from scaicore_tui.session import unused_former_journal

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


def find_recording(common: Common) -> tuple[Target, JournalLocation]:
    """Return the API and the journal for `record`: that of `--journal`, else the profile's."""
    if common.no_journal:
        raise UsageError("record writes a journal: use it without --no-journal")
    target = require_target(common)
    from scaicore_tui.session import journal_to_write

    if common.journal is None and (notice := former_notice(common, target)):
        say(notice)
    return target, common.journal or journal_to_write(target)


def backfill_of(common: Common, default: int = DEFAULT_BACKFILL) -> int:
    """Return the number of past events to read: from `--backfill`, else `default`."""
    return default if common.backfill is None else common.backfill
