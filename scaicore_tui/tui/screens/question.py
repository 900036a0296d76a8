"""What a checkpoint asks, as lines to read: all of it that helps to decide. Pure.

What a flow says stands behind a bar; its names, and whatever else is told in a line of ours, are one word or in quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scaicore_tui.text import cells, named, one_line, pretty, wrap
from scaicore_tui.tui.form import input_lines, label_of, sections, title_of
from scaicore_tui.tui.paint import BAR, Piece, Pieces
from scaicore_tui.tui.times import since, until
from scaicore_tui.tui.widgets.checkpoint_row import URGENT, deadline_colour
from scaicore_tui.tui.widgets.run_row import core_name
from scaicore_tui.wire import Checkpoint

NO_INPUT = "Input fields can't be sent by this API: tab to the comment; ctrl+t puts them there."


def question_lines(checkpoint: Checkpoint, width: int, now: float) -> list[Pieces]:
    """Title and message, the facts that help to decide, form and context, the rest; wrapped to `width` cells."""
    room = width - cells(BAR[0])
    lines: list[Pieces] = [_source(checkpoint, width), *framed(_asked(checkpoint, room))]
    lines += [*_packed(_place(checkpoint), width), *_packed(_urgency(checkpoint, now), width)]
    lines += framed([*_form(checkpoint, room), *_context(checkpoint, room)][1:])
    if input_lines(checkpoint):
        lines += [[(line, "amber")] for line in wrap(NO_INPUT, width)]
    return [*lines, *_packed(_identity(checkpoint), width)]


def framed(lines: list[Pieces]) -> list[Pieces]:
    """The lines, each behind the bar that marks what comes from a flow."""
    return [[BAR, *line] for line in lines]


def _source(checkpoint: Checkpoint, width: int) -> Pieces:
    flow, core = checkpoint.flow_name, core_name(checkpoint.core_id)
    words, name = ("from the flow ", flow) if flow else ("from the Core ", core)
    return [(words, "blue"), (named(name, width - cells(words)), "text strong")]


def _asked(checkpoint: Checkpoint, width: int) -> list[Pieces]:
    lines: list[Pieces] = [[(line, "text strong")] for line in wrap(checkpoint.title, width)]
    if checkpoint.question:
        lines += [[(line, "text")] for line in wrap(checkpoint.question, width)]
    return lines


def _form(checkpoint: Checkpoint, width: int) -> Iterator[Pieces]:
    """The sections of the form, each behind an empty line."""
    for section in sections(checkpoint):
        yield []
        yield [(one_line(title_of(section), width), "accent")]
        for field in section["fields"]:
            yield from _field(field, width)


def _field(field: Any, width: int) -> Iterator[Pieces]:
    """One field of a form: its label and its value."""
    told = f"{label_of(field)}: {pretty(field.get('value'))}" if isinstance(field, dict) else pretty(field)
    for line in wrap(told, width):
        yield [(line, "text")]


def _context(checkpoint: Checkpoint, width: int) -> Iterator[Pieces]:
    if checkpoint.context is None:
        return
    yield []
    yield [("context", "accent")]
    for line in wrap(pretty(checkpoint.context), width):
        yield [(line, "text")]


def _packed(facts: list[Piece], width: int) -> list[Pieces]:
    """The facts, as many on a line as fit whole."""
    lines: list[list[Piece]] = []
    left = 0
    for text, colour in facts:
        if lines and cells(text) + 3 <= left:
            lines[-1] += [(" · ", "grey"), (text, colour)]
            left -= cells(text) + 3
        else:
            lines += [[(line, colour)] for line in wrap(text, width)]
            left = width - cells(lines[-1][0][0])
    return [*lines]


def _place(checkpoint: Checkpoint) -> list[Piece]:
    """Where it waits."""
    core = core_name(checkpoint.core_id) if checkpoint.core_id else None
    return _told({"node": checkpoint.node_id, "run": checkpoint.execution_id, "Core": core}, {})


def _urgency(checkpoint: Checkpoint, now: float) -> list[Piece]:
    """For whom it waits and how it presses, which has a colour where it does."""
    urgency = URGENT.get((checkpoint.priority or "").lower(), "grey")
    return [
        *_told({"priority": checkpoint.priority, "for": checkpoint.assignee_raw}, {"priority": urgency}),
        *_deadline(checkpoint, now),
        *([(f"waiting {since(checkpoint.created, now)}", "grey")] if checkpoint.created is not None else []),
    ]


def _deadline(checkpoint: Checkpoint, now: float) -> Iterator[Piece]:
    """When it is due, where that can be told, and what happens then."""
    expires = checkpoint.expires
    due = until(expires, now) if expires is not None else named(checkpoint.expires_at or "")
    then = f", then {named(checkpoint.expiry_action)}" if checkpoint.expiry_action else ""
    if checkpoint.expires_at:
        yield f"due {due}{then}", deadline_colour(expires, now)


def _identity(checkpoint: Checkpoint) -> list[Piece]:
    """What it is to the API; that helps to find it, and not to decide."""
    return _told({"type": checkpoint.checkpoint_type, "checkpoint": checkpoint.id}, {})


def _told(facts: Mapping[str, str | None], colours: Mapping[str, str]) -> list[Piece]:
    """Each as `name value`."""
    return [(f"{name} {named(value)}", colours.get(name, "grey")) for name, value in facts.items() if value]
