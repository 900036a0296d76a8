"""`record`: polls without a screen into the journal, until it is told to stop, or there is nothing more to record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scaicore_tui.cli import diagnostics, output
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.following import Contact, polling
from scaicore_tui.cli.sessions import recording
from scaicore_tui.errors import StorageError
from scaicore_tui.session import Session
from scaicore_tui.text import one_line


async def record(common: Common, seconds: float | None, idle: float | None, json: bool) -> int:
    """Record for so many seconds, until nothing new came for `idle` seconds, or until interrupted; the exit code.

    Raises what keeps the first look from succeeding; what keeps later ones from it is told, and waited out.
    """
    session, path = recording(common)
    unsaved = 0
    async with session:
        await session.load()
        diagnostics.say(f"recording {one_line(session.target.host)} into {path}; Ctrl-C ends it")
        async with polling(session) as changed:
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await _follow(session, changed, idle)
            finally:
                unsaved = await session.save()
                if session.link.polls:
                    _report(_summary(session, path, unsaved), json)
    if unsaved:
        raise _not_kept(session, unsaved)
    return 0


def _not_kept(session: Session, unsaved: int) -> StorageError:
    """Return the error for events that were read and are not in the file at the end."""
    is_gone = session.journal.is_gone
    return StorageError(
        f"{unsaved:,} events are not in the journal: {session.journal.trouble}",
        kept="" if is_gone else "the journal has what came before",
        hint=f"{'record' if is_gone else 'make room, and record'} again: what the API still has is read again",
    )


async def _follow(session: Session, changed: Callable[[], Awaitable[None]], idle: float | None) -> None:
    """Tell of the contact, until nothing new came for `idle` seconds although all was well."""
    contact, taken, quiet_since = Contact(session), session.book.taken_count, session.clock.monotonic()
    while True:
        try:
            async with asyncio.timeout(None if idle is None else idle - (session.clock.monotonic() - quiet_since)):
                await changed()
        except TimeoutError:
            if not contact.is_lost and _is_up_to_date(session):
                return
        events = session.link.events
        if events.error is not None and not events.polls:
            raise events.error
        for words in contact.look():
            diagnostics.say(words)
        if isinstance(events.error, StorageError):
            raise events.error
        if taken != session.book.taken_count or contact.is_lost or not _is_up_to_date(session):
            taken, quiet_since = session.book.taken_count, session.clock.monotonic()


def _is_up_to_date(session: Session) -> bool:
    """Whether all was read that should be by now."""
    return session.link.polls > 0 and session.link.behind is None and not session.wants_history


def _summary(session: Session, path: Path, unsaved: int) -> dict[str, Any]:
    """What is in the journal, and what it took to get it there; all from `recorded` on is of this process.

    The `unsaved` events are only in memory: the disk did not take them.
    """
    journal, book = session.journal, session.book
    return {
        "journal": str(path),
        "events": len(journal) - unsaved,
        "runs": journal.saved_run_count,
        "duplicates": journal.run_event_count() - sum(summary.event_count for summary in book.order),
        "gaps": journal.gap_count(),
        "holes": len(journal.holes()),
        "recorded": max(0, book.taken_count - unsaved),
        "unsaved": unsaved,
        "unreadable": book.unreadable,
        "requests": session.client.requests,
        "stale_dropped": session.link.stale_dropped,
    }


def _report(summary: dict[str, Any], json: bool) -> None:
    if json:
        output.document(summary)
        return
    kept = f"{summary['recorded']:,} events recorded, {summary['events']:,} of {summary['runs']:,} runs in the journal"
    if summary["unsaved"]:
        kept += f" · {summary['unsaved']:,} events NOT in the journal"
    missing = f"{summary['gaps']} gaps" + (f", {summary['holes']} still to be filled" if summary["holes"] else "")
    output.line(
        f"{kept} · {missing} · {summary['duplicates']:,} repeats · {summary['requests']:,} requests"
        f" · {summary['stale_dropped']} late answers dropped"
    )
