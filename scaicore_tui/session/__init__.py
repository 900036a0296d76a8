"""Session: the one interface between the front ends and everything that reads, stores and writes.

Front ends (`cli`, `tui`) open a session, read its read models, call its commands and `subscribe` to its deltas. They
import from here, and never from `api`, `sync` or `store`. Each name is loaded when it is first used: a command that
only reads a file does not load the HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaicore_tui.api.checkpoint_listing import PendingStatus
    from scaicore_tui.api.client import MAX_RESOLVED_PAGES
    from scaicore_tui.session.flow_files import read_flow_file
    from scaicore_tui.session.flows import FlowGraphs
    from scaicore_tui.session.metrics import RecordingMetrics
    from scaicore_tui.session.offline import OfflineSession
    from scaicore_tui.session.opening import open_recorded_session, open_session, open_usable_session, open_viewer
    from scaicore_tui.session.read_model import (
        CheckpointList,
        JournalCounts,
        SubmissionDelta,
        TeamDelta,
        TokenStatus,
        submission_of,
    )
    from scaicore_tui.session.recorder_status import as_of_last_poll
    from scaicore_tui.session.session import DEFAULT_BACKFILL, Session
    from scaicore_tui.session.team_recorder import TeamRecorder
    from scaicore_tui.store.locate import journal_to_read, journal_to_write, unused_former_journal
    from scaicore_tui.store.read_sql import SqlResult, query_journal
    from scaicore_tui.store.recordings import (
        Recording,
        RunSource,
        SearchableRuns,
        is_event_file,
        open_recording,
        open_statistics,
    )
    from scaicore_tui.store.servers import feed_roles_sql, journal_roles_sql
    from scaicore_tui.store.shared_ledger import SharedWrite, read_team_ledger
    from scaicore_tui.store.statistics import StoredStatistics
    from scaicore_tui.sync.status import STALE_INTERVALS, ConnectionState, ConnectionStatus, SourceStatus

__all__ = [
    "DEFAULT_BACKFILL",
    "MAX_RESOLVED_PAGES",
    "STALE_INTERVALS",
    "CheckpointList",
    "ConnectionState",
    "ConnectionStatus",
    "FlowGraphs",
    "JournalCounts",
    "OfflineSession",
    "PendingStatus",
    "Recording",
    "RecordingMetrics",
    "RunSource",
    "SearchableRuns",
    "Session",
    "SharedWrite",
    "SourceStatus",
    "SqlResult",
    "StoredStatistics",
    "SubmissionDelta",
    "TeamDelta",
    "TeamRecorder",
    "TokenStatus",
    "as_of_last_poll",
    "feed_roles_sql",
    "is_event_file",
    "journal_roles_sql",
    "journal_to_read",
    "journal_to_write",
    "open_recorded_session",
    "open_recording",
    "open_session",
    "open_statistics",
    "open_usable_session",
    "open_viewer",
    "query_journal",
    "read_flow_file",
    "read_team_ledger",
    "submission_of",
    "unused_former_journal",
]

_MODULES = {
    "scaicore_tui.api.checkpoint_listing": ("PendingStatus",),
    "scaicore_tui.api.client": ("MAX_RESOLVED_PAGES",),
    "scaicore_tui.sync.status": ("STALE_INTERVALS", "ConnectionStatus", "ConnectionState", "SourceStatus"),
    "scaicore_tui.store.recordings": (
        "Recording",
        "RunSource",
        "SearchableRuns",
        "is_event_file",
        "open_recording",
        "open_statistics",
    ),
    "scaicore_tui.store.servers": ("feed_roles_sql", "journal_roles_sql"),
    "scaicore_tui.store.statistics": ("StoredStatistics",),
    "scaicore_tui.store.locate": ("journal_to_read", "journal_to_write", "unused_former_journal"),
    "scaicore_tui.session.flow_files": ("read_flow_file",),
    "scaicore_tui.session.flows": ("FlowGraphs",),
    "scaicore_tui.store.shared_ledger": ("SharedWrite", "read_team_ledger"),
    "scaicore_tui.session.metrics": ("RecordingMetrics",),
    "scaicore_tui.session.offline": ("OfflineSession",),
    "scaicore_tui.session.opening": (
        "open_recorded_session",
        "open_session",
        "open_usable_session",
        "open_viewer",
    ),
    "scaicore_tui.session.read_model": (
        "CheckpointList",
        "JournalCounts",
        "SubmissionDelta",
        "TeamDelta",
        "TokenStatus",
        "submission_of",
    ),
    "scaicore_tui.session.recorder_status": ("as_of_last_poll",),
    "scaicore_tui.store.read_sql": ("SqlResult", "query_journal"),
    "scaicore_tui.session.session": ("DEFAULT_BACKFILL", "Session"),
    "scaicore_tui.session.team_recorder": ("TeamRecorder",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
