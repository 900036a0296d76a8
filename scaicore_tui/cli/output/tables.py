"""Runs and checkpoints as rows of tables for people: all text safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scaicore_tui.cli.output.stdout import Cell, Coloured
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import (
    GapRow,
    NodeRunInfo,
    NodeState,
    NodeVisit,
    RunStatus,
    SortedSummaries,
    Summary,
    Transition,
    TransitionKind,
)
from scaicore_tui.runs.status_style import BREAKPOINT, GAP, NODE_LOOKS, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.text import json_inline, one_line
from scaicore_tui.timefmt import format_age, format_duration, format_time, seconds

# Below so many columns a table of runs has no room for their nodes beside their errors.
MIN_WIDTH_WITH_NODES_CELLS = 100
RUN_HEAD = ("", "RUN", "CORE", "STATUS", "AGE", "TOOK", "NODES", "ERROR")
NODE_HEAD = ("", "NODE", "KIND", "STATE", "VISITS", "TOOK", "RESULT")
CHECKPOINT_HEAD = ("ID", "TYPE", "CORE", "RUN", "AGE", "ASKS", "OPTIONS")


def glyph_cell(look: StatusStyle, ascii_only: bool) -> Coloured:
    """The state's sign, on this terminal."""
    return Coloured(look.ascii if ascii_only else look.glyph, look.colour)


def word_cell(look: StatusStyle) -> Coloured:
    """The state in a word."""
    return Coloured(look.word, look.colour)


def age_text(moment: int | None, now: float) -> str:
    """How long ago `moment` (in microseconds) was."""
    return "" if moment is None else format_age(now - seconds(moment))


def run_head(width: int) -> tuple[str, ...]:
    """The head above `run_rows`."""
    return RUN_HEAD if width >= MIN_WIDTH_WITH_NODES_CELLS else tuple(name for name in RUN_HEAD if name != "NODES")


def run_rows(
    runs: SortedSummaries, gaps: Sequence[GapRow], now: float, ascii_only: bool, width: int
) -> Sequence[tuple[Cell, ...]]:
    """Rows under `run_head`, newest first; a gap between them is one text of at most `width` cells."""
    rows: list[tuple[Cell, ...]] = [_run_row(run, now, ascii_only, width) for run in reversed(runs)]
    lead = glyph_cell(GAP, ascii_only).text + "  "
    for gap in reversed(gaps):
        rows.insert(gap.row, (Coloured(lead + gap.label(now, width - len(lead)), GAP.colour),))
    return rows


def _run_row(run: Summary, now: float, ascii_only: bool, width: int) -> tuple[Cell, ...]:
    nodes = "".join(glyph_cell(NODE_LOOKS[state], ascii_only).text for state in run.states)[:24]
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
    """Rows under NODE_HEAD."""
    for node in nodes:
        look = NODE_LOOKS[node.state]
        yield (
            glyph_cell(look, ascii_only),
            one_line(node.name),
            one_line(node.block_kind or ""),
            word_cell(look),
            f"×{node.visit_count}" if not ascii_only else f"x{node.visit_count}",
            format_duration(node.duration_ms),
            result_text(node.latest),
        )


def result_text(visit: NodeVisit) -> str:
    """What a visit came to."""
    if visit.error:
        return one_line(visit.error, 80)
    if visit.truncated:
        return f"{one_line(visit.result_binding or 'result')} = (over 4 KB, not sent)"
    if not visit.has_result:
        return ""
    return f"{one_line(visit.result_binding or 'result')} = {json_inline(visit.result, 60)}"


def checkpoint_rows(checkpoints: Iterable[Checkpoint], now: float) -> Iterator[tuple[str, ...]]:
    """Rows under CHECKPOINT_HEAD."""
    for row in checkpoints:
        yield (
            one_line(row.id),
            one_line(row.checkpoint_type),
            one_line(row.core_id or ""),
            one_line(row.execution_id or ""),
            age_text(row.created, now),
            one_line(row.title, 50),
            one_line(", ".join(option.id for option in row.options)),
        )


# The widths to begin with: time, run, sign, word; and of what, how long it took, and what else there is to say.
TRANSITION_WIDTHS_CELLS = (9, 17, 1, 10, 0)
MAX_TEXT_CELLS = 200
_TRANSITION_STYLES: dict[TransitionKind, tuple[StatusStyle, str]] = {
    TransitionKind.RUN_BEGAN: (RUN_STYLES[RunStatus.RUNNING], "run began"),
    TransitionKind.NODE_ENTERED: (NODE_LOOKS[NodeState.ENTERED], "entered"),
    TransitionKind.NODE_EXITED: (NODE_LOOKS[NodeState.EXITED], "exited"),
    TransitionKind.NODE_FAILED: (NODE_LOOKS[NodeState.FAILED], "failed"),
    TransitionKind.CHECKPOINT_WAITS: (REVIEW, "waits"),
    TransitionKind.CHECKPOINT_ANSWERED: (RUN_STYLES[RunStatus.RUNNING], "answered"),
    TransitionKind.CHECKPOINT_CLOSED: (RUN_STYLES[RunStatus.UNKNOWN], "gone"),
    TransitionKind.RUN_COMPLETED: (RUN_STYLES[RunStatus.COMPLETED], "completed"),
    TransitionKind.RUN_FAILED: (RUN_STYLES[RunStatus.FAILED], "run failed"),
}


def transition_row(told: Transition, now: float, ascii_only: bool) -> tuple[Cell, ...]:
    """The row of one change, as it is told at `now`, in seconds since 1970."""
    look, words = _TRANSITION_STYLES[told.kind]
    row = told.checkpoint
    if row is not None and row.is_breakpoint and told.kind is TransitionKind.CHECKPOINT_WAITS:
        look = BREAKPOINT
    return (
        Coloured(format_time(told.at, now), "grey"),
        one_line(told.execution_id or "-"),
        glyph_cell(look, ascii_only),
        Coloured(words, look.colour),
        " · ".join(filter(None, (one_line(_subject(told)), format_duration(told.duration_ms), _text(told)))),
    )


def _subject(told: Transition) -> str:
    """The node; of the run itself its Core."""
    if told.kind in (TransitionKind.RUN_BEGAN, TransitionKind.RUN_COMPLETED, TransitionKind.RUN_FAILED):
        return told.core_id or ""
    return told.node_id or (f"({told.block_kind})" if told.block_kind else "")


def _text(told: Transition) -> str:
    if told.checkpoint is not None:
        return one_line(_checkpoint_text(told.checkpoint, told.kind), MAX_TEXT_CELLS)
    if told.error is not None:
        return one_line(told.error, MAX_TEXT_CELLS)
    return result_text(told.visit) if told.kind is TransitionKind.NODE_EXITED and told.visit is not None else ""


def _checkpoint_text(row: Checkpoint, what: TransitionKind) -> str:
    if what is TransitionKind.CHECKPOINT_WAITS:
        return f"{row.id} · {row.title} · {', '.join(option.id for option in row.options)}"
    if what is TransitionKind.CHECKPOINT_ANSWERED:
        return f"{row.id} · {row.resolution}" + (f" by {row.resolved_by}" if row.resolved_by else "")
    return row.id
