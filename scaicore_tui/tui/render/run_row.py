"""The row of a run in the list: when it changed, its Core, how long it took, where it is or why it failed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import NodeState, RunStatus, Summary
from scaicore_tui.runs.status_style import BREAKPOINT, RUN_STYLES
from scaicore_tui.text import ELLIPSIS, display_name, one_line, truncate
from scaicore_tui.timefmt import NOW, age_text, clock_or_date, format_age, format_duration, to_seconds
from scaicore_tui.tui.render.line import Span, column, line_width, right_align
from scaicore_tui.tui.render.runs import core_name

TIME_CELLS, TOOK_CELLS = 8, 7
MIN_CORE_CELLS, MAX_CORE_CELLS = 8, 18
MAX_NODE_CELLS = 18
MIN_NAME_CELLS = 6
_GLYPH_CELLS = _GAP_CELLS = 2
# A deadline within this time is red.
_SOON_S = 900


class RowFacts(NamedTuple):
    """The facts that a row shows beside the summary of its run.

    Attributes:
        now: seconds since 1970.
        shows_ages: the first column tells how long ago the run changed, instead of when.
        asked: the pending checkpoints by the id of their run.
        marks: the progress of replays by the id of the replayed run.
        slow: hints that a run takes longer than usual, by its id.
    """

    now: float
    shows_ages: bool = False
    asked: Mapping[str, Checkpoint] = {}
    marks: Mapping[str, Span] = {}
    slow: Mapping[str, str] = {}


def run_row(run: Summary, width: int, facts: RowFacts) -> list[Span]:
    """Return the row of a run, `width` cells wide."""
    style = RUN_STYLES[run.status]
    asked = facts.asked.get(run.execution_id)
    glyph = BREAKPOINT.glyph if asked is not None and asked.is_breakpoint else style.glyph
    row = [
        (f"{glyph} ", style.colour),
        _changed(run, facts),
        ("  ", "text"),
        column(core_name(run.core_id), core_cells(width), "text"),
        right_align(_took(run, facts.now), TOOK_CELLS, "grey"),
        ("  ", "text"),
    ]
    if (mark := facts.marks.get(run.execution_id)) is not None:
        row += [mark, ("  ", "text")]
    left = max(0, width - line_width(row))
    if run.status in (RunStatus.RUNNING, RunStatus.UNKNOWN) and (hint := facts.slow.get(run.execution_id)):
        return [*row, _slow(run, hint, left)]
    return row + _where(run, left, asked, facts.now)


def columns_line(width: int, *, shows_ages: bool) -> list[Span]:
    """Return the headings of the columns, for rows that are `width` cells wide."""
    when = "CHANGED" if shows_ages else "AT (UTC)"
    core = core_cells(width)
    text = f"  {when:<{TIME_CELLS}}  {'CORE':<{core}}{'TOOK':>{TOOK_CELLS}}  NOW AT / WHY IT FAILED"
    return [(text[:width], "grey")]


def core_cells(width: int) -> int:
    """Return the width of the column with the Core, for rows that are `width` cells wide."""
    free = width - _GLYPH_CELLS - TIME_CELLS - _GAP_CELLS - TOOK_CELLS - _GAP_CELLS
    return max(MIN_CORE_CELLS, min(MAX_CORE_CELLS, free // 3))


def _changed(run: Summary, facts: RowFacts) -> Span:
    at = run.last_event_at
    text = age_text(at, facts.now) if facts.shows_ages else clock_or_date(at, facts.now)
    return column(text, TIME_CELLS, "grey")


def _took(run: Summary, now: float) -> str:
    """Return the duration of a run; while it goes on, its age."""
    if run.is_over or run.began_at is None:
        return format_duration(run.duration_ms)
    age = age_text(run.began_at, now)
    return "<10s" if age == NOW else f"{age}{ELLIPSIS}"


def _where(run: Summary, width: int, asked: Checkpoint | None, now: float) -> list[Span]:
    """Return where a run is, for whom it waits, or at which node it failed and why, in `width` cells."""
    if run.status is RunStatus.FAILED:
        return _failure(run, width)
    if asked is not None and asked.is_breakpoint:
        where = f"before {display_name(asked.node_id)}" if asked.node_id else "at a breakpoint"
        return [(one_line(f"stopped {where}", width), BREAKPOINT.colour)]
    if run.status is RunStatus.WAITING:
        return [_waiting(run, width, asked, now)]
    if run.status is RunStatus.COMPLETED:
        count = len(run.node_ids)
        return [(one_line("1 node" if count == 1 else f"{count} nodes", width), "grey")]
    return [(one_line(_node_name(run, NodeState.ENTERED), width), RUN_STYLES[run.status].colour)]


def _slow(run: Summary, hint: str, width: int) -> Span:
    """Return where a run is, and the hint that this takes longer than usual."""
    node = _node_name(run, NodeState.ENTERED)
    return one_line(hint if not node or hint.startswith(f"{node}: ") else f"{node}  {hint}", width), "amber"


def _failure(run: Summary, width: int) -> list[Span]:
    node = one_line(run.failed_node or "", min(MAX_NODE_CELLS, width // 3))
    before: list[Span] = [(f"{node}  ", "text")] if node else []
    return [*before, (one_line(run.error or "no reason given", max(0, width - line_width(before))), "red strong")]


def _waiting(run: Summary, width: int, asked: Checkpoint | None, now: float) -> Span:
    """Return the node that waits, for whom, and how long an answer is still taken."""
    if asked is None:
        return one_line(_node_name(run, NodeState.ENTERED), width), "amber"
    name = display_name(asked.node_id or _node_name(run, NodeState.ENTERED) or asked.title)
    whom = f" for {display_name(asked.assignee_raw)}" if asked.assignee_raw else ""
    left = None if asked.expires is None else to_seconds(asked.expires) - now
    if left is None:
        return one_line(f"{name}{whom}", width), "amber"
    time = f", {format_age(left)} left" if left > 0 else f", {format_age(-left)} too late"
    if width < MIN_NAME_CELLS + len(time):
        time = ""
    who = one_line(f"{name}{whom}", max(0, width - len(time)))
    return truncate(f"{who}{time}", width), "red" if left < _SOON_S else "amber"


def _node_name(run: Summary, state: NodeState) -> str:
    """Return the node that last came into `state`; without one, the last node."""
    found = [node for node, other in zip(run.node_ids, run.node_states, strict=True) if other is state]
    name = (found or [*run.node_ids] or [None])[-1]
    return display_name(name) if name else ""
