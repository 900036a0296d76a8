"""Runs and checkpoints as rows of tables for people: all text safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scaicore_tui.runs import GapRow, NodeRunInfo, Ordered, Summary
from scaicore_tui.runs.status import GAP, NODE_LOOKS, RUN_LOOKS, Look
from scaicore_tui.runs.words import age, took
from scaicore_tui.text import compact, one_line
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.timestamps import seconds

RUN_HEAD = ("", "RUN", "CORE", "STATUS", "AGE", "TOOK", "NODES", "ERROR")
NODE_HEAD = ("", "NODE", "KIND", "STATE", "VISITS", "TOOK", "RESULT")
CHECKPOINT_HEAD = ("ID", "TYPE", "CORE", "RUN", "AGE", "ASKS", "OPTIONS")


def sign(look: Look, ascii_only: bool) -> str:
    """The state's sign, on this terminal."""
    return look.ascii if ascii_only else look.glyph


def since(moment: int | None, now: float) -> str:
    """How long ago `moment` (in microseconds) was."""
    return "" if moment is None else age(now - seconds(moment))


def run_rows(
    runs: Ordered, gaps: Sequence[GapRow], now: float, ascii_only: bool, width: int
) -> Sequence[tuple[str, ...]]:
    """Rows under RUN_HEAD, newest first; a gap between them is one text of at most `width` cells."""
    rows: list[tuple[str, ...]] = [_run_row(run, now, ascii_only) for run in reversed(runs)]
    lead = sign(GAP, ascii_only) + "  "
    for gap in reversed(gaps):
        rows.insert(gap.row, (lead + gap.words(now, width - len(lead)),))
    return rows


def _run_row(run: Summary, now: float, ascii_only: bool) -> tuple[str, ...]:
    return (
        sign(RUN_LOOKS[run.status], ascii_only),
        one_line(run.execution_id),
        one_line(run.core_id or "", 28),
        RUN_LOOKS[run.status].word,
        since(run.began_at, now),
        took(run.duration_ms),
        "".join(sign(NODE_LOOKS[state], ascii_only) for state in run.states)[:24],
        one_line(run.error or "", 60),
    )


def node_rows(nodes: Iterable[NodeRunInfo], ascii_only: bool) -> Iterator[tuple[str, ...]]:
    """Rows under NODE_HEAD."""
    for node in nodes:
        look = NODE_LOOKS[node.state]
        yield (
            sign(look, ascii_only),
            one_line(node.name),
            one_line(node.block_kind or ""),
            look.word,
            f"×{node.visit_count}" if not ascii_only else f"x{node.visit_count}",
            took(node.duration_ms),
            _result(node),
        )


def _result(node: NodeRunInfo) -> str:
    visit = node.latest
    if visit.error:
        return one_line(visit.error, 80)
    if visit.truncated:
        return f"{one_line(visit.result_binding or 'result')} = (over 4 KB, not sent)"
    if not visit.has_result:
        return ""
    return f"{one_line(visit.result_binding or 'result')} = {compact(visit.result, 60)}"


def checkpoint_rows(checkpoints: Iterable[Checkpoint], now: float) -> Iterator[tuple[str, ...]]:
    """Rows under CHECKPOINT_HEAD."""
    for row in checkpoints:
        yield (
            one_line(row.id),
            one_line(row.checkpoint_type),
            one_line(row.core_id or ""),
            one_line(row.execution_id or ""),
            since(row.created, now),
            one_line(row.title, 50),
            one_line(", ".join(option.id for option in row.options)),
        )
