"""A checkpoint as one row: in the pane of the main screen, in the inbox, and when resolved. Pure."""

from __future__ import annotations

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import RunStatus
from scaicore_tui.runs.status_style import BREAKPOINT, REVIEW, RUN_STYLES
from scaicore_tui.text import MAX_DISPLAY_NAME_CELLS, cell_width, one_line
from scaicore_tui.timefmt import age_text, format_age, parse, to_seconds
from scaicore_tui.tui.render.line import Span, column, right_align
from scaicore_tui.tui.render.runs import core_name

MIN_WIDTH_FOR_OPTIONS = 100
MIN_WIDTH_FOR_ASSIGNEE = 72
DEADLINE_WIDTH = 10
# A deadline within this time is amber; a missed one is red.
DEADLINE_SOON_S = 600
PRIORITY_COLOURS = {"critical": "red strong", "high": "amber strong"}


def checkpoint_row(checkpoint: Checkpoint, width: int, now: float, mark: Span | None) -> list[Span]:
    """Return the row of the pane, `width` cells wide: kind, flow, age, title, message, and how to answer.

    A `mark` (the progress of an answer) replaces how to answer.
    """
    name = max(10, min(22, width // 5))
    answers = _answers(checkpoint, width, width * 2 // 5) if mark is None else mark
    free_cells = max(0, width - 2 - name - 5 - 2 - cell_width(answers[0]) - 2)
    return [
        *_label(checkpoint, name),
        right_align(age_text(checkpoint.created, now), 5, "grey"),
        ("  ", "text"),
        *_title_and_message(checkpoint, free_cells),
        ("  ", "text"),
        answers,
    ]


def inbox_row(checkpoint: Checkpoint, width: int, now: float, mark: Span | None) -> list[Span]:
    """Return the row of the inbox: that of the pane, with the time left and the assignee."""
    name = max(10, min(22, width // 6))
    assignee = min(16, width // 7) if width >= MIN_WIDTH_FOR_ASSIGNEE else 0
    answers = _answers(checkpoint, width, width // 4) if mark is None else mark
    free_cells = max(0, width - 2 - name - 5 - DEADLINE_WIDTH - 2 - assignee - cell_width(answers[0]) - 2)
    return [
        *_label(checkpoint, name),
        right_align(age_text(checkpoint.created, now), 5, "grey"),
        _deadline(checkpoint, now),
        ("  ", "text"),
        column(one_line(checkpoint.assignee_raw or "", max(0, assignee - 1)), assignee, "grey"),
        *_title_and_message(checkpoint, free_cells),
        ("  ", "text"),
        answers,
    ]


def resolved_row(checkpoint: Checkpoint, width: int, now: float) -> list[Span]:
    """Return the row of a resolved checkpoint: flow, age of the answer, option, person and title."""
    style = RUN_STYLES[RunStatus.COMPLETED]
    name, option, who = max(10, min(22, width // 6)), max(10, width // 6), max(10, width // 6)
    asked = one_line(checkpoint.title, max(0, width - 2 - name - 5 - 2 - option - who))
    return [
        (f"{style.glyph} ", style.colour),
        column(flow_label(checkpoint), name, "text"),
        right_align(age_text(parse(checkpoint.resolved_at), now), 5, "grey"),
        ("  ", "text"),
        column(one_line(checkpoint.resolution or checkpoint.status, option - 1), option, "text strong"),
        column(one_line(checkpoint.resolved_by or "by somebody", who - 1), who, "grey"),
        (asked, "text"),
    ]


def _label(checkpoint: Checkpoint, width: int) -> list[Span]:
    """Return the glyph of its kind, and its flow or Core."""
    style = BREAKPOINT if checkpoint.is_breakpoint else REVIEW
    return [(f"{style.glyph} ", f"{style.colour} strong"), column(flow_label(checkpoint), width, "text")]


def flow_label(checkpoint: Checkpoint) -> str:
    """Return the name of the checkpoint's flow, or else of its Core."""
    return one_line(checkpoint.flow_name or "", MAX_DISPLAY_NAME_CELLS) or core_name(checkpoint.core_id)


def deadline_colour(expires: int | None, now: float) -> str:
    """Return the colour of a deadline in microseconds since 1970, at `now` in seconds since 1970."""
    if expires is None:
        return "grey"
    left = to_seconds(expires) - now
    return "red" if left < 0 else "amber" if left < DEADLINE_SOON_S else "grey"


def _deadline(checkpoint: Checkpoint, now: float) -> Span:
    """Return the time left, coloured by urgency."""
    if checkpoint.expires is None:
        return right_align("", DEADLINE_WIDTH)
    left = to_seconds(checkpoint.expires) - now
    text = f"{format_age(-left)} late" if left < 0 else f"{format_age(left)} left"
    return right_align(text, DEADLINE_WIDTH, deadline_colour(checkpoint.expires, now))


def _title_and_message(checkpoint: Checkpoint, width: int) -> list[Span]:
    """Return the title and the start of the message in `width` cells; an urgent priority comes first."""
    urgency = PRIORITY_COLOURS.get((checkpoint.priority or "").lower())
    title = one_line(f"{checkpoint.priority}: {checkpoint.title}" if urgency else checkpoint.title, width)
    question = one_line(checkpoint.body_text, width)
    return [
        (title, urgency or "text strong"),
        column(f"  {question}" if question else "", width - cell_width(title), "grey"),
    ]


def _answers(checkpoint: Checkpoint, width: int, max_width: int) -> Span:
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
