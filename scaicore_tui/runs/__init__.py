"""The domain: events folded into runs, nodes and visits. Pure: no I/O, no clock, no screen."""

from scaicore_tui.runs.cache import Delta, RunProjector, SortedSummaries
from scaicore_tui.runs.gaps import Gap, GapRow, gap_rows, missing_events_note
from scaicore_tui.runs.index import RunIndex
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run, RunStatus
from scaicore_tui.runs.select import compile_filter, find_one_run, is_refinement, run_search_text, search_text
from scaicore_tui.runs.summary import Summary
from scaicore_tui.runs.transitions import CheckpointTracker, Transition, TransitionKind, TransitionStream

__all__ = [
    "CheckpointTracker",
    "Delta",
    "Gap",
    "GapRow",
    "NodeRunInfo",
    "NodeState",
    "NodeVisit",
    "Run",
    "RunIndex",
    "RunProjector",
    "RunStatus",
    "SortedSummaries",
    "Summary",
    "Transition",
    "TransitionKind",
    "TransitionStream",
    "compile_filter",
    "find_one_run",
    "gap_rows",
    "is_refinement",
    "missing_events_note",
    "run_search_text",
    "search_text",
]
