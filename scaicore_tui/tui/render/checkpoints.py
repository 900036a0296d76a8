"""A checkpoint as one row: in the pane of the main screen, in the inbox, and once it was answered. Pure."""

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
# A deadline nearer than so many seconds is amber; one that is over is red.
DEADLINE_SOON_S = 600
PRIORITY_COLOURS = {"critical": "red strong", "high": "amber strong"}


def checkpoint_row(checkpoint: Checkpoint, width: int, now: float, mark: Span | None) -> list[Span]:
    """A checkpoint in the pane, `width` cells wide: kind, Core, age, what is asked, and how to answer; or the `mark` of
    an answer to it."""
    name = max(10, min(22, width // 5))
    answers = _answers(checkpoint, width, width * 2 // 5) if mark is None else mark
    room = max(0, width - 2 - name - 5 - 2 - cell_width(answers[0]) - 2)
    return [
        *_named(checkpoint, name),
        right_align(age_text(checkpoint.created, now), 5, "grey"),
        ("  ", "text"),
        *_asked(checkpoint, room),
        ("  ", "text"),
        answers,
    ]


def inbox_row(checkpoint: Checkpoint, width: int, now: float, mark: Span | None) -> list[Span]:
    """A checkpoint in the inbox: as in the pane, with the time left and for whom it is."""
    name = max(10, min(22, width // 6))
    assignee = min(16, width // 7) if width >= MIN_WIDTH_FOR_ASSIGNEE else 0
    answers = _answers(checkpoint, width, width // 4) if mark is None else mark
    room = max(0, width - 2 - name - 5 - DEADLINE_WIDTH - 2 - assignee - cell_width(answers[0]) - 2)
    return [
        *_named(checkpoint, name),
        right_align(age_text(checkpoint.created, now), 5, "grey"),
        _deadline(checkpoint, now),
        ("  ", "text"),
        column(one_line(checkpoint.assignee_raw or "", max(0, assignee - 1)), assignee, "grey"),
        *_asked(checkpoint, room),
        ("  ", "text"),
        answers,
    ]


def resolved_row(checkpoint: Checkpoint, width: int, now: float) -> list[Span]:
    """A checkpoint that was answered: when, which option, by whom, and what was asked."""
    look = RUN_STYLES[RunStatus.COMPLETED]
    name, option, who = max(10, min(22, width // 6)), max(10, width // 6), max(10, width // 6)
    asked = one_line(checkpoint.title, max(0, width - 2 - name - 5 - 2 - option - who))
    return [
        (f"{look.glyph} ", look.colour),
        column(flow_label(checkpoint), name, "text"),
        right_align(age_text(parse(checkpoint.resolved_at), now), 5, "grey"),
        ("  ", "text"),
        column(one_line(checkpoint.resolution or checkpoint.status, option - 1), option, "text strong"),
        column(one_line(checkpoint.resolved_by or "by somebody", who - 1), who, "grey"),
        (asked, "text"),
    ]


def _named(checkpoint: Checkpoint, width: int) -> list[Span]:
    """Its kind, and its flow or Core."""
    look = BREAKPOINT if checkpoint.is_breakpoint else REVIEW
    return [(f"{look.glyph} ", f"{look.colour} strong"), column(flow_label(checkpoint), width, "text")]


def flow_label(checkpoint: Checkpoint) -> str:
    """What a row calls it: its flow, or else its Core."""
    return one_line(checkpoint.flow_name or "", MAX_DISPLAY_NAME_CELLS) or core_name(checkpoint.core_id)


def deadline_colour(expires: int | None, now: float) -> str:
    """How a deadline in microseconds presses at `now`."""
    if expires is None:
        return "grey"
    left = to_seconds(expires) - now
    return "red" if left < 0 else "amber" if left < DEADLINE_SOON_S else "grey"


def _deadline(checkpoint: Checkpoint, now: float) -> Span:
    """The time left; in the colour of its urgency."""
    if checkpoint.expires is None:
        return right_align("", DEADLINE_WIDTH)
    left = to_seconds(checkpoint.expires) - now
    words = f"{format_age(-left)} late" if left < 0 else f"{format_age(left)} left"
    return right_align(words, DEADLINE_WIDTH, deadline_colour(checkpoint.expires, now))


def _asked(checkpoint: Checkpoint, room: int) -> list[Span]:
    """Its title, and as much of the question as there is room for; what is urgent says so."""
    urgency = PRIORITY_COLOURS.get((checkpoint.priority or "").lower())
    title = one_line(f"{checkpoint.priority}: {checkpoint.title}" if urgency else checkpoint.title, room)
    question = one_line(checkpoint.body_text, room)
    return [
        (title, urgency or "text strong"),
        column(f"  {question}" if question else "", room - cell_width(title), "grey"),
    ]


def _answers(checkpoint: Checkpoint, width: int, room: int) -> Span:
    """How it can be answered: the options where there is room, else how many there are."""
    if checkpoint.is_breakpoint:
        return "c continue", "grey"
    options = checkpoint.options
    if not options:
        return "a free text", "grey"
    spelled = "  ".join(f"{number} {one_line(option.name, room)}" for number, option in enumerate(options[:9], 1))
    if width >= MIN_WIDTH_FOR_OPTIONS and len(options) <= 9 and cell_width(spelled) <= room:
        return spelled, "grey"
    return f"a {len(options)} option{'s' * (len(options) != 1)}", "grey"
