"""From flags to an open session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scaicore_tui.cli.diagnostics import say
from scaicore_tui.cli.flags import DEFAULT_BACKFILL, Common
from scaicore_tui.config import Flags, Target, journal_file, ledger_file, resolve_target
from scaicore_tui.errors import ConfigError, CredentialsError

if TYPE_CHECKING:
    from scaicore_tui.journal import Journal
    from scaicore_tui.session import Session


def target_of(common: Common) -> Target | None:
    """The API that flags, environment and profile name; None where none does."""
    return resolve_target(
        Flags(
            url=common.url,
            api=common.api,
            profile=common.profile,
            core=common.core,
            interval=common.interval,
            read_only=common.read_only,
            low_bandwidth=common.low_bandwidth,
        )
    )


def require_target(common: Common) -> Target:
    """The API, with a token for it. Raises ConfigError and CredentialsError, saying what to set."""
    target = target_of(common)
    if target is None:
        raise ConfigError("no API is set", hint="set SCAICORE_TUI_URL, or --url, or try: scaicore-tui demo")
    if target.token is None:
        raise CredentialsError(
            f"no credential for {target.host}: looked at SCAICORE_TUI_TOKEN, the profile, SCAIGRID_API_KEY",
            hint="set SCAICORE_TUI_TOKEN",
        )
    return target


def one_shot(common: Common) -> Session:
    """A session for one command: its own temporary journal, unless a file was named."""
    return _session(common, require_target(common), _journal(common.journal))


def watching(common: Common, target: Target) -> Session:
    """A session for the app: with the profile's journal, unless told otherwise."""
    path = None if common.no_journal else common.journal or journal_file(target)
    from scaicore_tui.journal import Journal

    return _session(common, target, Journal.temporary() if path is None else Journal.open_if_possible(path))


def tell_unknown(session: Session) -> None:
    """Say of how many writes it is not known what came of them, where a ledger keeps them for the next start."""
    from scaicore_tui.actions import Progress

    unknown = [one for one in session.submitter.submissions if one.progress in (Progress.SENDING, Progress.UNKNOWN)]
    if unknown and session.outcomes.ledger.is_kept:
        count = "1 write is" if len(unknown) == 1 else f"{len(unknown)} writes are"
        say(f"{count} still unknown, and looked up by the next start: scaicore-tui ledger")


def _journal(path: Path | None) -> Journal:
    from scaicore_tui.journal import Journal

    return Journal.temporary() if path is None else Journal.open(path)


def _session(common: Common, target: Target, journal: Journal) -> Session:
    from scaicore_tui.actions import Ledger
    from scaicore_tui.session import Session

    backfill = DEFAULT_BACKFILL if common.backfill is None else common.backfill
    return Session(target, journal, backfill=backfill, ledger=Ledger(ledger_file()))
