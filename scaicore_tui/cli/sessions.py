"""From flags to an open session."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scaicore_tui.cli.diagnostics import say
from scaicore_tui.cli.flags import DEFAULT_BACKFILL, Common
from scaicore_tui.config import Flags, Settings, Target, settle
from scaicore_tui.errors import ConfigError, StorageError, UsageError

OFFLINE_HINT = "offline there are runs, show, events, and the app"

if TYPE_CHECKING:
    from scaicore_tui.session import Session


def settings_of(common: Common) -> Settings:
    """What flags, environment and profile say, each with its source. Raises ConfigError."""
    return settle(flags_of(common))


def flags_of(common: Common) -> Flags:
    """The flags that are settings."""
    return Flags(**{name: getattr(common, name) for name in Flags.__struct_fields__})


def target_of(settings: Settings) -> Target | None:
    """The API to talk to; None where nothing says which.

    Raises ConfigError, and CredentialsError where there is no way to a token for it. On this machine, where `serve` may
    lend one, there may be none, unless the profile says that there should.
    """
    target = settings.target()
    if target is None or target.has_credential:
        return target
    if not target.is_loopback or settings.tokens.profile.token_env is not None:
        raise settings.tokens.missing(target.host)
    return target


def require_target(common: Common) -> Target:
    """The API, and a way to a token. Raises UsageError, ConfigError and CredentialsError, saying what to set."""
    if common.offline:
        raise UsageError("this asks a server, and --offline asks none", kept="nothing was asked", hint=OFFLINE_HINT)
    settings = settings_of(common)
    target = target_of(settings)
    if target is None:
        named = f"set --profile {' or '.join(settings.names)}, or" if settings.names else "set"
        raise ConfigError("no API is set", hint=f"{named} SCAICORE_TUI_URL, or --url, or try: scaicore-tui demo")
    if not target.has_credential:
        raise settings.tokens.missing(target.host)
    if settings.overruled:
        say(settings.overruled)
    return target


def recorded_file(common: Common) -> Path:
    """The journal to look at offline: the one that is named, or the profile's. Raises ConfigError without either."""
    if common.no_journal:
        raise UsageError("--offline shows a journal, and --no-journal wants none")
    if common.journal is not None:
        return common.journal
    # Whose journal it is can be said without a token for them.
    target = settings_of(common).target()
    if target is None:
        raise ConfigError(
            "no journal is named", hint="--journal FILE, or the --profile or --url whose journal is meant"
        )
    from scaicore_tui.session import journal_to_read

    return journal_to_read(target)


def looking(common: Common) -> Session:
    """A session for the app offline. Raises NotFound and ConfigError where there is nothing to look at."""
    path = recorded_file(common)
    if common.core is not None and common.journal is not None:
        raise UsageError("--core says what is asked for: offline, / filters what is shown")
    named = Target(url="http://localhost", name=path.name, low_bandwidth=common.low_bandwidth)
    target = named if common.journal is not None else settings_of(common).target() or named
    from scaicore_tui.session import open_recorded_session

    return open_recorded_session(target, path)


def one_shot(common: Common, backfill: int = DEFAULT_BACKFILL) -> Session:
    """A session for one command: its own temporary journal, unless a file was named. So many past events are read,
    unless a number was named. It has no ledger: for a command that only reads."""
    from scaicore_tui.session import open_session

    return open_session(require_target(common), common.journal, backfill=_backfill(common, backfill))


@asynccontextmanager
async def writing(common: Common) -> AsyncIterator[Session]:
    """A session for one command that writes; once it is closed, what the ledger did not take is said."""
    from scaicore_tui.session import open_session

    target = require_target(common)
    session = open_session(target, common.journal, backfill=_backfill(common), keeps_writes=True)
    is_told = False
    try:
        async with session:
            yield session
    except StorageError:
        is_told = True
        raise
    finally:
        if not is_told:
            tell_ledger_problem(session)


def watching(common: Common, target: Target) -> Session:
    """A session for the app: with the profile's journal, unless told otherwise."""
    from scaicore_tui.session import open_usable_session

    return open_usable_session(target, journal_of(common, target), backfill=_backfill(common))


def journal_of(common: Common, target: Target) -> Path | None:
    """Where the app keeps what it reads; None where it keeps nothing."""
    from scaicore_tui.session import journal_to_write

    return None if common.no_journal else common.journal or journal_to_write(target)


def former_notice(common: Common, target: Target) -> str:
    """Return a notice if a journal of an older program is left unused when the first one of `target` is made."""
    from scaicore_tui.session import unused_former_journal

    path = journal_of(common, target)
    if path is None or path == common.journal or os.path.lexists(path):
        return ""
    former = unused_former_journal(target)
    return "" if former is None else f"{former} may hold other feeds too, and is not used: --offline --journal shows it"


def tell_ledger_problem(session: Session) -> None:
    """Warn of what the ledger did not take: what was written to the API is as it was told."""
    if session.ledger_problem:
        say(f"warning: {session.ledger_problem}")


def tell_unknown(session: Session) -> None:
    """Say of how many writes it is not known what came of them, where a ledger keeps them for the next start; and what
    it did not take."""
    tell_ledger_problem(session)
    if session.lost_count:
        say(f"{session.lost_count:,} events were not kept: {session.journal_problem}")
    if unknown := session.writes_to_look_up:
        count = "1 write is" if len(unknown) == 1 else f"{len(unknown)} writes are"
        say(f"{count} still unknown, and looked up by the next start: scaicore-tui ledger")


def recording(common: Common) -> tuple[Session, Path]:
    """A session that writes a journal, the profile's own unless another is named, and where that is."""
    if common.no_journal:
        raise UsageError("record writes a journal, and --no-journal wants none")
    target = require_target(common)
    from scaicore_tui.session import journal_to_write, open_session

    path = common.journal or journal_to_write(target)
    if notice := former_notice(common, target):
        say(notice)
    return open_session(target, path, backfill=_backfill(common)), path


def _backfill(common: Common, unsaid: int = DEFAULT_BACKFILL) -> int:
    """Return the number of past events to read: from `--backfill`, else `unsaid`."""
    return unsaid if common.backfill is None else common.backfill
