"""The domain: events folded into runs, nodes and visits. Pure: no I/O, no clock, no screen."""

from scaicore_tui.runs.book import RunBook
from scaicore_tui.runs.document import run_document
from scaicore_tui.runs.folder import Change, Folder
from scaicore_tui.runs.gap import Gap, GapRow, gap_rows, missing_in
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run, RunStatus
from scaicore_tui.runs.ordered import Ordered
from scaicore_tui.runs.select import narrows, searchable, searched, sought
from scaicore_tui.runs.summary import Summary

__all__ = [
    "Change",
    "Folder",
    "Gap",
    "GapRow",
    "NodeRunInfo",
    "NodeState",
    "NodeVisit",
    "Ordered",
    "Run",
    "RunBook",
    "RunStatus",
    "Summary",
    "gap_rows",
    "missing_in",
    "narrows",
    "run_document",
    "searchable",
    "searched",
    "sought",
]
