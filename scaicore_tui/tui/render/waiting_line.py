"""The pending checkpoints in short: one line, and the rows of a pane of the main screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.analysis.checkpoint_order import Reviewer, is_expired, is_mine
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.text import cell_width, one_line, truncate
from scaicore_tui.timefmt import format_age, to_seconds
from scaicore_tui.tui.render.checkpoints import (
    DUE_CELLS,
    answers_span,
    assignee_span,
    due_span,
    flow_label,
    glyph_span,
)
from scaicore_tui.tui.render.line import Line, Span, column, line_width, right_align

MIN_WIDTH_FOR_ASSIGNEE = 72
MIN_ASKED_CELLS = 8


def waiting_line(pending: Sequence[Checkpoint], total: str, reviewer: Reviewer, now: float, width: int) -> Line:
    """Return one line: `Waiting 6 · yours 2   soonest: 14m research  Which angle?`.

    `pending` is in any order, `total` their number as text; `now` is in seconds since 1970.
    """
    if not pending:
        return [("Waiting 0", "grey")]
    spans: list[Span] = [(f"Waiting {total}", "amber strong")]
    mine = sum(is_mine(row, reviewer) for row in pending)
    if reviewer.is_known:
        spans.append((f" · yours {mine}", "amber strong" if mine else "grey"))
    open_rows = [row for row in pending if row.expires is not None and not is_expired(row, now)]
    soonest = min(open_rows, key=lambda row: (row.expires or 0, row.id), default=None)
    if soonest is None:
        return spans
    left = format_age(to_seconds(soonest.expires or 0) - now)
    spans += [("   soonest: ", "grey"), (left, due_span(soonest, now)[1]), (f" {flow_label(soonest)}  ", "text")]
    free_cells = width - line_width(spans)
    return [*spans, (one_line(asked_words(soonest), free_cells), "text strong")] if free_cells > 0 else spans


def waiting_head(width: int) -> Line:
    """Return the headings over the columns of `waiting_row`, which begin at the same cell."""
    core, assignee, asked = _widths(width, cell_width("ANSWERS"))
    due: list[Span] = [right_align("DUE", 2 + DUE_CELLS, "grey"), (" ", "text")]
    names: list[Span] = [column("CORE", core, "grey"), column("FOR", assignee, "grey")]
    return [*due, *names, column("WHAT IS ASKED", asked, "grey"), ("ANSWERS", "grey")]


def waiting_row(checkpoint: Checkpoint, width: int, now: float, reviewer: Reviewer, mark: Span | None = None) -> Line:
    """Return a row: time left, Core, for whom, what is asked, and how to answer or the progress of an answer."""
    answers = answers_span(checkpoint, width, width * 2 // 5) if mark is None else mark
    core, assignee, asked = _widths(width, cell_width(answers[0]))
    return [
        glyph_span(checkpoint),
        due_span(checkpoint, now, DUE_CELLS),
        (" ", "text"),
        column(truncate(flow_label(checkpoint), core - 1), core, "text"),
        assignee_span(checkpoint, reviewer, assignee),
        column(one_line(asked_words(checkpoint), max(0, asked - 2)), asked, "text strong"),
        answers,
    ]


def _widths(width: int, answers: int) -> tuple[int, int, int]:
    """Return the cells of Core, assignee and question."""
    core = max(10, min(18, width // 6))
    assignee = min(12, width // 8) if width >= MIN_WIDTH_FOR_ASSIGNEE else 0
    return core, assignee, max(MIN_ASKED_CELLS, width - DUE_CELLS - 3 - core - assignee - answers)
