"""The summary of a recording, as a document and as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from scaicore_tui.cli.output import stdout
from scaicore_tui.session import JournalCounts, Session

if TYPE_CHECKING:
    from scaicore_tui.config.journal_url import JournalLocation
    from scaicore_tui.export.record_types import RecordDocument, TeamDocument, TracesDocument


class Recorded(Struct, kw_only=True):
    """The figures of a recording that has ended. `counts` are those of the journal.

    `unsaved` is the number of events that are only in memory, as the disk did not take them. The parts of the API's
    data that were read at least once are `has_events` and `has_checkpoints`; `behind` estimates the missing events.
    """

    path: JournalLocation
    counts: JournalCounts
    recorded: int
    unreadable: int
    requests: int
    stale_dropped: int
    has_events: bool
    has_checkpoints: bool
    needs_backfill: bool
    behind: int | None = None
    unsaved: int = 0
    traces: TracesDocument | None = None
    team: TeamDocument | None = None


def figures_of(session: Session, path: JournalLocation, unsaved: int) -> Recorded:
    """Return the figures of a recording with one session."""
    return Recorded(
        path=path,
        counts=session.count_journal(),
        recorded=max(0, session.index.ingested_count - unsaved),
        unreadable=session.index.unreadable_count,
        requests=session.request_count,
        stale_dropped=session.connection.stale_dropped,
        has_events=session.connection.events.polls > 0,
        has_checkpoints=session.connection.checkpoints.polls > 0,
        needs_backfill=session.needs_backfill,
        behind=session.connection.behind,
        unsaved=unsaved,
    )


def report(figures: Recorded, json: bool) -> None:
    """Print the summary."""
    document = _document(figures)
    if json:
        stdout.document(document)
    else:
        stdout.line(_line(document, _unread(figures)))


def _document(figures: Recorded) -> RecordDocument:
    """Return the summary as a document. From `recorded` on its numbers are of this process."""
    counts = figures.counts
    document: RecordDocument = {
        "journal": str(figures.path),
        "events": counts.events - figures.unsaved,
        "runs": counts.runs,
        "duplicates": counts.run_events - counts.distinct_events,
        "gaps": counts.gaps,
        "holes": counts.open_gaps,
        "open_gaps": counts.open_gaps,
        "history_unread": figures.needs_backfill,
        "checkpoints_unread": not figures.has_checkpoints,
        "recorded": figures.recorded,
        "unsaved": figures.unsaved,
        "unreadable": figures.unreadable,
        "requests": figures.requests,
        "stale_dropped": figures.stale_dropped,
    }
    if figures.traces is not None:
        document["traces"] = figures.traces
    if figures.team is not None:
        document["team"] = figures.team
    return document


def _unread(figures: Recorded) -> list[str]:
    """Return what was not read, although it should have been."""
    gaps = figures.counts.open_gaps - figures.counts.has_unread_history
    behind = f" of about {figures.behind:,} events" if figures.behind else ""
    return [
        *(["events"] if not figures.has_events else []),
        *([f"{gaps} open gap{'' if gaps == 1 else 's'}{behind}"] if gaps else []),
        *(["older history"] if figures.needs_backfill else []),
        *(["the checkpoints"] if not figures.has_checkpoints else []),
    ]


def _line(summary: RecordDocument, unread: list[str]) -> str:
    text = f"{summary['recorded']:,} events recorded, {summary['events']:,} of {summary['runs']:,} runs in the journal"
    if summary["unsaved"]:
        text += f" · {summary['unsaved']:,} events NOT in the journal"
    return (
        f"{text}{_team_text(summary)} · {summary['gaps']} gaps · {summary['duplicates']:,} duplicates"
        f" · {summary['requests']:,} requests · {summary['stale_dropped']} late responses dropped"
        f"{_traces_text(summary)}{' · not read: ' + ', '.join(unread) if unread else ''}"
    )


def _team_text(summary: RecordDocument) -> str:
    """Return what happened in a file while the journal's server was away, as a part of the summary."""
    if "team" not in summary:
        return ""
    team = summary["team"]
    text = f" · {team['delivered']:,} events delivered from a file" if team["delivered"] else ""
    if team["kept_locally"]:
        text += f" · {team['kept_locally']:,} events NOT yet delivered to the journal"
    return text if team["is_counted"] else f"{text} · the journal was not counted at the end"


def _traces_text(summary: RecordDocument) -> str:
    """Return what was sent to a receiver of traces, as a part of the summary."""
    if "traces" not in summary:
        return ""
    traces = summary["traces"]
    text = f" · {traces['spans_sent']:,} spans of {traces['runs_sent']:,} runs sent"
    if traces["spans_refused"]:
        text += f", {traces['spans_refused']:,} refused"
    if traces["runs_waiting"]:
        text += f", {traces['runs_waiting']:,} runs NOT sent: the next record --otlp sends them"
    return text
