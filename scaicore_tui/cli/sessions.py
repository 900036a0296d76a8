"""From flags to an open session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scaicore_tui.cli.diagnostics import say
from scaicore_tui.cli.flags import DEFAULT_BACKFILL, Common
from scaicore_tui.config import Flags, Settings, Target, journal_file, ledger_file, settle
from scaicore_tui.errors import ConfigError

if TYPE_CHECKING:
    from scaicore_tui.journal import Journal
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
    """The API, with a way to a token for it. Raises ConfigError and CredentialsError, saying what to set."""
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


def one_shot(common: Common) -> Session:
    """A session for one command: its own temporary journal, unless a file was named."""
    return _session(common, require_target(common), _journal(common.journal))


def watching(common: Common, target: Target) -> Session:
    """A session for the app: with the profile's journal, unless told otherwise."""
    path = journal_of(common, target)
    from scaicore_tui.journal import Journal

    return _session(common, target, Journal.temporary() if path is None else Journal.open_if_possible(path))


def journal_of(common: Common, target: Target) -> Path | None:
    """Where the app keeps what it reads; None where it keeps nothing."""
    return None if common.no_journal else common.journal or journal_file(target)


def _journal(path: Path | None) -> Journal:
    from scaicore_tui.journal import Journal

    return Journal.temporary() if path is None else Journal.open(path)


def _session(common: Common, target: Target, journal: Journal) -> Session:
    from scaicore_tui.actions import Ledger
    from scaicore_tui.session import Session

    backfill = DEFAULT_BACKFILL if common.backfill is None else common.backfill
    return Session(target, journal, backfill=backfill, ledger=Ledger(ledger_file()))
