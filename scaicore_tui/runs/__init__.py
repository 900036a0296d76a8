"""The domain: events folded into runs, nodes and visits. Pure: no I/O, no clock, no screen."""

from scaicore_tui.runs.book import RunBook
from scaicore_tui.runs.document import run_document
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run, RunStatus
from scaicore_tui.runs.select import holds, matches

__all__ = ["NodeRunInfo", "NodeState", "NodeVisit", "Run", "RunBook", "RunStatus", "holds", "matches", "run_document"]
