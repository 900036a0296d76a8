"""A change of a run as a row of a table that is told line by line: all text safe."""

from __future__ import annotations

from scaicore_tui.cli.colours import Cell, Painted
from scaicore_tui.cli.rows import result_words, sign
from scaicore_tui.runs import NodeState, RunStatus, Transition, What
from scaicore_tui.runs.status import BREAKPOINT, NODE_LOOKS, REVIEW, RUN_LOOKS, Look
from scaicore_tui.runs.words import moment, took
from scaicore_tui.text import one_line
from scaicore_tui.wire import Checkpoint

# The widths to begin with: time, run, sign, word; and of what, how long it took, and what else there is to say.
WIDTHS = (9, 17, 1, 10, 0)
MAX_TEXT = 200
_TELLS: dict[What, tuple[Look, str]] = {
    What.RUN_BEGAN: (RUN_LOOKS[RunStatus.RUNNING], "run began"),
    What.NODE_ENTERED: (NODE_LOOKS[NodeState.ENTERED], "entered"),
    What.NODE_EXITED: (NODE_LOOKS[NodeState.EXITED], "exited"),
    What.NODE_FAILED: (NODE_LOOKS[NodeState.FAILED], "failed"),
    What.CHECKPOINT_WAITS: (REVIEW, "waits"),
    What.CHECKPOINT_ANSWERED: (RUN_LOOKS[RunStatus.RUNNING], "answered"),
    What.CHECKPOINT_GONE: (RUN_LOOKS[RunStatus.UNKNOWN], "gone"),
    What.RUN_COMPLETED: (RUN_LOOKS[RunStatus.COMPLETED], "completed"),
    What.RUN_FAILED: (RUN_LOOKS[RunStatus.FAILED], "run failed"),
}


def change_row(told: Transition, now: float, ascii_only: bool) -> tuple[Cell, ...]:
    """The row of one change, as it is told at `now`, in seconds since 1970."""
    look, words = _TELLS[told.what]
    row = told.checkpoint
    if row is not None and row.is_breakpoint and told.what is What.CHECKPOINT_WAITS:
        look = BREAKPOINT
    return (
        Painted(moment(told.at, now), "grey"),
        one_line(told.execution_id or "-"),
        sign(look, ascii_only),
        Painted(words, look.colour),
        " · ".join(filter(None, (one_line(_place(told)), took(told.duration_ms), _text(told)))),
    )


def _place(told: Transition) -> str:
    """The node; of the run itself its Core."""
    if told.what in (What.RUN_BEGAN, What.RUN_COMPLETED, What.RUN_FAILED):
        return told.core_id or ""
    return told.node_id or (f"({told.block_kind})" if told.block_kind else "")


def _text(told: Transition) -> str:
    if told.checkpoint is not None:
        return one_line(_of_checkpoint(told.checkpoint, told.what), MAX_TEXT)
    if told.error is not None:
        return one_line(told.error, MAX_TEXT)
    return result_words(told.visit) if told.what is What.NODE_EXITED and told.visit is not None else ""


def _of_checkpoint(row: Checkpoint, what: What) -> str:
    if what is What.CHECKPOINT_WAITS:
        return f"{row.id} · {row.title} · {', '.join(option.id for option in row.options)}"
    if what is What.CHECKPOINT_ANSWERED:
        return f"{row.id} · {row.resolution}" + (f" by {row.resolved_by}" if row.resolved_by else "")
    return row.id
