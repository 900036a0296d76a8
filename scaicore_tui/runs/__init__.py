"""The domain: events reduced to runs, nodes and visits. Pure: no I/O, no clock, no screen.

- Run: all events with one `execution_id`. It has nodes, and each node has visits (one passage through it each).
- Position: an event's place in the feed, as the journal numbers it; the oldest is lowest.
- Summary: a stored digest of a run. Index: the positions of all runs. Cache: fully reduced runs in memory.
- Delta: what one commit of events changed.
- Gap: events that are missing; an open gap is still being read.
"""

from scaicore_tui.runs.cache import RunProjector
from scaicore_tui.runs.change_order import ChangeOrder
from scaicore_tui.runs.delta import Delta
from scaicore_tui.runs.gaps import Gap, GapRow, gap_rows, gaps_within, missing_events_note
from scaicore_tui.runs.index import RunIndex
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run, RunStatus
from scaicore_tui.runs.positions import Positions
from scaicore_tui.runs.select import only_match, run_search_text, search_text
from scaicore_tui.runs.summary import Summary, with_status
from scaicore_tui.runs.transitions import CheckpointTracker, Transition, TransitionKind, TransitionStream

__all__ = [
    "ChangeOrder",
    "CheckpointTracker",
    "Delta",
    "Gap",
    "GapRow",
    "NodeRunInfo",
    "NodeState",
    "NodeVisit",
    "Positions",
    "Run",
    "RunIndex",
    "RunProjector",
    "RunStatus",
    "Summary",
    "Transition",
    "TransitionKind",
    "TransitionStream",
    "gap_rows",
    "gaps_within",
    "missing_events_note",
    "only_match",
    "run_search_text",
    "search_text",
    "with_status",
]
