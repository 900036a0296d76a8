"""Format runs, nodes, checkpoints and transitions as rows of tables. All text in them is safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scaicore_tui.analysis.checkpoint_order import MINE, Reviewer, assignee_name, due_text, is_due_soon, is_mine
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.cli.output.stdout import Cell, Coloured
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import CONTINUE
from scaicore_tui.runs import (
    GapRow,
    NodeRunInfo,
    NodeState,
    NodeVisit,
    RunStatus,
    Summary,
    Transition,
    TransitionKind,
)
from scaicore_tui.runs.status_style import BREAKPOINT, GAP, NODE_STYLES, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.text import json_inline, one_line
from scaicore_tui.timefmt import format_age, format_duration, format_time, parse, to_seconds

# In narrower terminals the table of runs has no column for nodes, so that errors fit.
MIN_WIDTH_WITH_NODES_CELLS = 100
RUN_HEAD = ("", "RUN", "CORE", "STATUS", "AGE", "TOOK", "NODES", "ERROR")
NODE_HEAD = ("", "NODE", "KIND", "STATE", "VISITS", "TOOK", "RESULT")
CHECKPOINT_HEAD = ("", "ID", "DUE", "PRIO", "CORE", "FOR", "WHAT IS ASKED", "ANSWERS")
RESOLVED_HEAD = ("", "ID", "CORE", "AGE", "ANSWER", "BY", "WHAT WAS ASKED")
MAX_ASKED_CELLS = 60


def glyph_cell(style: StatusStyle, ascii_only: bool) -> Coloured:
    """Return the glyph of a state, or its ASCII form."""
    return Coloured(style.ascii if ascii_only else style.glyph, style.colour)


def word_cell(style: StatusStyle) -> Coloured:
    """Return the word for a state."""
    return Coloured(style.word, style.colour)


def age_text(moment: int | None, now: float) -> str:
    """Return the age of `moment` (microseconds since 1970); empty for None. `now` is in seconds."""
    return "" if moment is None else format_age(now - to_seconds(moment))


def run_head(width: int) -> tuple[str, ...]:
    """Return the column names for `run_rows`."""
    return RUN_HEAD if width >= MIN_WIDTH_WITH_NODES_CELLS else tuple(name for name in RUN_HEAD if name != "NODES")


def run_rows(
    runs: Iterable[Summary], gaps: Sequence[GapRow], now: float, ascii_only: bool, width: int
) -> Sequence[tuple[Cell, ...]]:
    """Return rows for `run_head`. `runs` are newest first. A gap is a row with one text of at most `width` cells."""
    rows: list[tuple[Cell, ...]] = [_run_row(run, now, ascii_only, width) for run in runs]
    lead = glyph_cell(GAP, ascii_only).text + "  "
    for gap in reversed(gaps):
        rows.insert(gap.row, (Coloured(lead + gap.label(now, width - len(lead)), GAP.colour),))
    return rows


def _run_row(run: Summary, now: float, ascii_only: bool, width: int) -> tuple[Cell, ...]:
    nodes = "".join(glyph_cell(NODE_STYLES[state], ascii_only).text for state in run.node_states)[:24]
    return (
        glyph_cell(RUN_STYLES[run.status], ascii_only),
        one_line(run.execution_id),
        one_line(run.core_id or "", 28),
        word_cell(RUN_STYLES[run.status]),
        age_text(run.began_at, now),
        format_duration(run.duration_ms),
        *((nodes,) if width >= MIN_WIDTH_WITH_NODES_CELLS else ()),
        one_line(run.error or "", 60),
    )


def node_rows(nodes: Iterable[NodeRunInfo], ascii_only: bool) -> Iterator[tuple[Cell, ...]]:
    """Yield rows for NODE_HEAD."""
    for node in nodes:
        style = NODE_STYLES[node.state]
        yield (
            glyph_cell(style, ascii_only),
            one_line(node.name),
            one_line(node.block_kind or ""),
            word_cell(style),
            f"×{node.visit_count}" if not ascii_only else f"x{node.visit_count}",
            format_duration(node.duration_ms),
            result_text(node.latest),
        )


def result_text(visit: NodeVisit) -> str:
    """Return the error of a visit, or its result."""
    if visit.error:
        return one_line(visit.error, 80)
    if visit.is_truncated:
        return f"{one_line(visit.result_binding or 'result')} = (over 4 KB, not sent)"
    if not visit.has_result:
        return ""
    return f"{one_line(visit.result_binding or 'result')} = {json_inline(visit.result, 60)}"


def checkpoint_rows(
    checkpoints: Iterable[Checkpoint], reviewer: Reviewer, now: float, ascii_only: bool
) -> Iterator[tuple[Cell, ...]]:
    """Yield rows for CHECKPOINT_HEAD, in the words of the inbox. Names of the `reviewer` have a star."""
    for row in checkpoints:
        is_late = row.expires is not None and to_seconds(row.expires) < now
        star = f" {'!' if ascii_only else MINE}" if is_mine(row, reviewer) else ""
        priority = row.priority or ""
        yield (
            glyph_cell(BREAKPOINT if row.is_breakpoint else REVIEW, ascii_only),
            one_line(row.id),
            Coloured(due_text(row, now), "red" if is_late else "amber" if is_due_soon(row, now) else "grey"),
            "" if priority.lower() == "normal" else one_line(priority),
            _flow_name(row),
            one_line(assignee_name(row)).replace(MINE, "*") + star,
            one_line(asked_words(row), MAX_ASKED_CELLS),
            CONTINUE if row.is_breakpoint else one_line(", ".join(option.id for option in row.options)),
        )


def resolved_rows(checkpoints: Iterable[Checkpoint], now: float, ascii_only: bool) -> Iterator[tuple[Cell, ...]]:
    """Yield rows for RESOLVED_HEAD, in the words of the inbox."""
    for row in checkpoints:
        yield (
            glyph_cell(RUN_STYLES[RunStatus.COMPLETED], ascii_only),
            one_line(row.id),
            _flow_name(row),
            age_text(parse(row.resolved_at), now),
            one_line(row.resolution or row.status),
            one_line(row.resolved_by or "by somebody"),
            one_line(asked_words(row), MAX_ASKED_CELLS),
        )


def _flow_name(checkpoint: Checkpoint) -> str:
    return one_line(checkpoint.flow_name or (checkpoint.core_id or "?").removeprefix("core_"))


# Initial column widths: time, run, glyph, word, details.
TRANSITION_WIDTHS_CELLS = (9, 17, 1, 10, 0)
MAX_TEXT_CELLS = 200
_TRANSITION_STYLES: dict[TransitionKind, tuple[StatusStyle, str]] = {
    TransitionKind.RUN_BEGAN: (RUN_STYLES[RunStatus.RUNNING], "run began"),
    TransitionKind.NODE_ENTERED: (NODE_STYLES[NodeState.ENTERED], "entered"),
    TransitionKind.NODE_EXITED: (NODE_STYLES[NodeState.EXITED], "exited"),
    TransitionKind.NODE_FAILED: (NODE_STYLES[NodeState.FAILED], "failed"),
    TransitionKind.CHECKPOINT_WAITS: (REVIEW, "waits"),
    TransitionKind.CHECKPOINT_ANSWERED: (RUN_STYLES[RunStatus.RUNNING], "answered"),
    TransitionKind.CHECKPOINT_CLOSED: (RUN_STYLES[RunStatus.UNKNOWN], "gone"),
    TransitionKind.RUN_COMPLETED: (RUN_STYLES[RunStatus.COMPLETED], "completed"),
    TransitionKind.RUN_FAILED: (RUN_STYLES[RunStatus.FAILED], "run failed"),
}


def transition_row(change: Transition, now: float, ascii_only: bool) -> tuple[Cell, ...]:
    """Return the row of one transition. `now` is in seconds since 1970."""
    style, label = _TRANSITION_STYLES[change.kind]
    row = change.checkpoint
    if row is not None and row.is_breakpoint and change.kind is TransitionKind.CHECKPOINT_WAITS:
        style = BREAKPOINT
    return (
        Coloured(format_time(change.at, now), "grey"),
        one_line(change.execution_id or "-"),
        glyph_cell(style, ascii_only),
        Coloured(label, style.colour),
        " · ".join(filter(None, (one_line(_subject(change)), format_duration(change.duration_ms), _text(change)))),
    )


def _subject(change: Transition) -> str:
    """Return the node of the transition; for one of the run itself, its Core."""
    if change.kind in (TransitionKind.RUN_BEGAN, TransitionKind.RUN_COMPLETED, TransitionKind.RUN_FAILED):
        return change.core_id or ""
    return change.node_id or (f"({change.block_kind})" if change.block_kind else "")


def _text(change: Transition) -> str:
    if change.checkpoint is not None:
        return one_line(_checkpoint_text(change.checkpoint, change.kind), MAX_TEXT_CELLS)
    if change.error is not None:
        return one_line(change.error, MAX_TEXT_CELLS)
    return result_text(change.visit) if change.kind is TransitionKind.NODE_EXITED and change.visit is not None else ""


def _checkpoint_text(row: Checkpoint, kind: TransitionKind) -> str:
    if kind is TransitionKind.CHECKPOINT_WAITS:
        return f"{row.id} · {row.title} · {', '.join(option.id for option in row.options)}"
    if kind is TransitionKind.CHECKPOINT_ANSWERED:
        return f"{row.id} · {row.resolution}" + (f" by {row.resolved_by}" if row.resolved_by else "")
    return row.id
