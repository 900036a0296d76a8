"""A checkpoint as one row: in the pane of the main screen, in the inbox, and when resolved. Pure."""

from __future__ import annotations

from scaicore_tui.analysis.checkpoint_order import DUE_SOON_S, MINE, Reviewer, assignee_name, due_text, is_mine
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import RunStatus
from scaicore_tui.runs.status_style import BREAKPOINT, REVIEW, RUN_STYLES
from scaicore_tui.text import MAX_DISPLAY_NAME_CELLS, cell_width, one_line, truncate
from scaicore_tui.timefmt import age_text, parse, to_seconds
from scaicore_tui.tui.render.line import Line, Span, column, line_width, right_align
from scaicore_tui.tui.render.runs import core_name

MIN_WIDTH_FOR_OPTIONS = 100
MIN_WIDTH_FOR_ASSIGNEE = 72
DUE_CELLS, PRIORITY_CELLS = 8, 9
PRIORITY_COLOURS = {"critical": "red strong", "high": "amber strong"}


def inbox_head(width: int) -> Line:
    """Return the headings over the columns of `inbox_row`."""
    columns = _InboxColumns(width)
    return [
        right_align("DUE", 2 + 2 + DUE_CELLS, "grey"),
        (" ", "text"),
        column("PRIO", columns.priority, "grey"),
        column("CORE", columns.core, "grey"),
        column("FOR", columns.assignee, "grey"),
        ("WHAT IS ASKED", "grey"),
    ]


def resolved_head(width: int) -> Line:
    """Return the headings over the columns of `resolved_row`."""
    return [
        column("    CORE", 2 + 2 + max(10, min(22, width // 6)), "grey"),
        right_align("AGE", 5, "grey"),
        column("  ANSWER", 2 + max(10, width // 6), "grey"),
        column("BY", max(10, width // 6), "grey"),
        ("WHAT WAS ASKED", "grey"),
    ]


def inbox_row(
    checkpoint: Checkpoint, width: int, now: float, mark: Span | None, reviewer: Reviewer | None = None
) -> list[Span]:
    """Return the row of the inbox: time left, priority, flow, assignee, what is asked.

    A `mark` (the progress of an answer) stands at the right edge.
    """
    columns = _InboxColumns(width)
    end: list[Span] = [] if mark is None else [("  ", "text"), (one_line(mark[0], max(12, width // 3)), mark[1])]
    asked = max(0, width - columns.before - line_width(end))
    priority = checkpoint.priority or ""
    shown = "" if priority.lower() == "normal" else one_line(priority, max(0, columns.priority - 1))
    return [
        glyph_span(checkpoint),
        due_span(checkpoint, now, DUE_CELLS),
        (" ", "text"),
        column(shown, columns.priority, PRIORITY_COLOURS.get(priority.lower(), "grey")),
        column(truncate(flow_label(checkpoint), columns.core - 1), columns.core, "text"),
        assignee_span(checkpoint, reviewer or Reviewer(), columns.assignee),
        column(one_line(asked_words(checkpoint), asked), asked, "text strong"),
        *end,
    ]


class _InboxColumns:
    """The widths of the columns; on a narrow screen, priority and assignee have none."""

    def __init__(self, width: int) -> None:
        is_wide = width >= MIN_WIDTH_FOR_ASSIGNEE
        self.priority = PRIORITY_CELLS if is_wide else 0
        self.core = max(10, min(19, width // 6))
        self.assignee = min(15, width // 7) if is_wide else 0
        self.before = 2 + DUE_CELLS + 1 + self.priority + self.core + self.assignee


def glyph_span(checkpoint: Checkpoint) -> Span:
    """Return the glyph of a checkpoint's kind."""
    style = BREAKPOINT if checkpoint.is_breakpoint else REVIEW
    return f"{style.glyph} ", f"{style.colour} strong"


def due_span(checkpoint: Checkpoint, now: float, width: int = 0) -> Span:
    """Return the time left, right-aligned in `width` cells and coloured by urgency; `late` if the deadline passed."""
    text = due_text(checkpoint, now)
    return right_align(text, width or cell_width(text), deadline_colour(checkpoint.expires, now))


def assignee_span(checkpoint: Checkpoint, reviewer: Reviewer, width: int) -> Span:
    """Return who should answer in `width` cells, with a star on what is the reviewer's."""
    star = f" {MINE}" if is_mine(checkpoint, reviewer) else ""
    name = one_line(assignee_name(checkpoint), max(0, width - 1 - cell_width(star))).replace(MINE, "*")
    return column(f"{name}{star}" if width else "", width, "accent" if star else "grey")


def resolved_row(checkpoint: Checkpoint, width: int, now: float) -> list[Span]:
    """Return the row of a resolved checkpoint: flow, age of the answer, option, person and title."""
    style = RUN_STYLES[RunStatus.COMPLETED]
    name, option, who = max(10, min(22, width // 6)), max(10, width // 6), max(10, width // 6)
    asked = one_line(asked_words(checkpoint), max(0, width - 2 - name - 5 - 2 - option - who))
    return [
        (f"{style.glyph} ", style.colour),
        column(flow_label(checkpoint), name, "text"),
        right_align(age_text(parse(checkpoint.resolved_at), now), 5, "grey"),
        ("  ", "text"),
        column(one_line(checkpoint.resolution or checkpoint.status, option - 1), option, "text strong"),
        column(one_line(checkpoint.resolved_by or "by somebody", who - 1), who, "grey"),
        (asked, "text"),
    ]


def flow_label(checkpoint: Checkpoint) -> str:
    """Return the name of the checkpoint's flow, or else of its Core."""
    return one_line(checkpoint.flow_name or "", MAX_DISPLAY_NAME_CELLS) or core_name(checkpoint.core_id)


def deadline_colour(expires: int | None, now: float) -> str:
    """Return the colour of a deadline in microseconds since 1970, at `now` in seconds: amber if soon, red if missed."""
    if expires is None:
        return "grey"
    left = to_seconds(expires) - now
    return "red" if left < 0 else "amber" if left <= DUE_SOON_S else "grey"


def answers_span(checkpoint: Checkpoint, width: int, max_width: int) -> Span:
    """Return how to answer: the options if they fit into `max_width` cells, else their number."""
    if checkpoint.is_breakpoint:
        return "c continue", "grey"
    options = checkpoint.options
    if not options:
        return "a free text", "grey"
    options_text = "  ".join(
        f"{number} {one_line(option.name, max_width)}" for number, option in enumerate(options[:9], 1)
    )
    if width >= MIN_WIDTH_FOR_OPTIONS and len(options) <= 9 and cell_width(options_text) <= max_width:
        return options_text, "grey"
    return f"a {len(options)} option{'s' * (len(options) != 1)}", "grey"
