"""What a checkpoint asks, as lines to read: all of it that helps to decide. Pure.

What a flow says stands behind a bar; its names, and whatever else is told in a line of ours, are one word or in quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.lenient_json import as_text
from scaicore_tui.text import ELLIPSIS, cell_width, display_name, json_inline, json_pretty, one_line, wrap
from scaicore_tui.timefmt import age_text, deadline_text
from scaicore_tui.tui.render.checkpoints import PRIORITY_COLOURS, deadline_colour
from scaicore_tui.tui.render.line import BAR, Line, Span
from scaicore_tui.tui.render.runs import core_name

INPUT, DECISION = "input", "decision"


def form_sections(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The sections with fields; what is not of their shape is left to the context."""
    found = checkpoint.presentation.sections
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict) and _has_fields(row)]


def section_title(section: dict[str, Any]) -> str:
    """What a section is called, and that it is a form's input where it is one."""
    title = json_inline(section.get("title") or section.get("type") or "section")
    return f"{title} · input" if is_input_section(section) else title


def is_input_section(section: dict[str, Any]) -> bool:
    """Whether a person would fill it in, on a form that can."""
    return _type_of(section) == INPUT


def field_label(field: dict[str, Any]) -> str:
    """What a field is called."""
    return json_inline(field.get("label") or field.get("name") or "field")


def input_field_lines(checkpoint: Checkpoint) -> list[str]:
    """The input fields, each as a line `label: value` for a comment."""
    fields = [
        field for section in form_sections(checkpoint) if is_input_section(section) for field in section["fields"]
    ]
    return [f"{field_label(field)}: {json_inline(field.get('value'))}" for field in fields if isinstance(field, dict)]


def _has_fields(section: dict[str, Any]) -> bool:
    return isinstance(section.get("fields"), list) and _type_of(section) != DECISION


def _type_of(section: dict[str, Any]) -> str:
    return as_text(section.get("type")).casefold()


# Nobody reads more of what is there to decide by; ctrl+y copies all of it.
MAX_LINES = 3_000
NO_INPUT = "Input fields can't be sent by this API: tab to the comment; ctrl+t puts them there."


def checkpoint_detail(checkpoint: Checkpoint, width: int, now: float) -> list[Line]:
    """Title and message, the facts that help to decide, form and context, the rest; wrapped to `width` cells."""
    room = width - cell_width(BAR[0])
    lines: list[Line] = [_source(checkpoint, width), *quoted_lines(_asked(checkpoint, room))]
    lines += [*_packed(_place(checkpoint), width), *_packed(_urgency(checkpoint, now), width)]
    told = list(islice(chain(_form(checkpoint, room), _context(checkpoint, room)), 1, MAX_LINES))
    lines += quoted_lines(told if len(told) < MAX_LINES - 1 else [*told[:-1], [(ELLIPSIS, "grey")]])
    if input_field_lines(checkpoint):
        lines += [[(line, "amber")] for line in wrap(NO_INPUT, width)]
    return [*lines, *_packed(_identity(checkpoint), width)]


def quoted_lines(lines: list[Line]) -> list[Line]:
    """The lines, each behind the bar that marks what comes from a flow."""
    return [[BAR, *line] for line in lines]


def _source(checkpoint: Checkpoint, width: int) -> Line:
    flow, core = checkpoint.flow_name, core_name(checkpoint.core_id)
    words, name = ("from the flow ", flow) if flow else ("from the Core ", core)
    return [(words, "blue"), (display_name(name, width - cell_width(words)), "text strong")]


def _asked(checkpoint: Checkpoint, width: int) -> list[Line]:
    lines: list[Line] = [[(line, "text strong")] for line in wrap(checkpoint.title, width)]
    if checkpoint.body_text:
        lines += [[(line, "text")] for line in wrap(checkpoint.body_text, width)]
    return lines


def _form(checkpoint: Checkpoint, width: int) -> Iterator[Line]:
    """The sections of the form, each behind an empty line."""
    for section in form_sections(checkpoint):
        yield []
        yield [(one_line(section_title(section), width), "accent")]
        for field in section["fields"]:
            yield from _field(field, width)


def _field(field: Any, width: int) -> Iterator[Line]:
    """One field of a form: its label and its value."""
    told = f"{field_label(field)}: {json_pretty(field.get('value'))}" if isinstance(field, dict) else json_pretty(field)
    for line in wrap(told, width):
        yield [(line, "text")]


def _context(checkpoint: Checkpoint, width: int) -> Iterator[Line]:
    if checkpoint.context is None:
        return
    yield []
    yield [("context", "accent")]
    for line in wrap(json_pretty(checkpoint.context), width):
        yield [(line, "text")]


def _packed(facts: list[Span], width: int) -> list[Line]:
    """The facts, as many on a line as fit whole."""
    lines: list[list[Span]] = []
    left = 0
    for text, colour in facts:
        if lines and cell_width(text) + 3 <= left:
            lines[-1] += [(" · ", "grey"), (text, colour)]
            left -= cell_width(text) + 3
        else:
            lines += [[(line, colour)] for line in wrap(text, width)]
            left = width - cell_width(lines[-1][0][0])
    return [*lines]


def _place(checkpoint: Checkpoint) -> list[Span]:
    """Where it waits."""
    core = core_name(checkpoint.core_id) if checkpoint.core_id else None
    return _told({"node": checkpoint.node_id, "run": checkpoint.execution_id, "Core": core}, {})


def _urgency(checkpoint: Checkpoint, now: float) -> list[Span]:
    """For whom it waits and how it presses, which has a colour where it does."""
    urgency = PRIORITY_COLOURS.get((checkpoint.priority or "").lower(), "grey")
    return [
        *_told({"priority": checkpoint.priority, "for": checkpoint.assignee_raw}, {"priority": urgency}),
        *_deadline(checkpoint, now),
        *([(f"waiting {age_text(checkpoint.created, now)}", "grey")] if checkpoint.created is not None else []),
    ]


def _deadline(checkpoint: Checkpoint, now: float) -> Iterator[Span]:
    """When it is due, where that can be told, and what happens then."""
    expires = checkpoint.expires
    due = deadline_text(expires, now) if expires is not None else display_name(checkpoint.expires_at or "")
    then = f", then {display_name(checkpoint.expiry_action)}" if checkpoint.expiry_action else ""
    if checkpoint.expires_at:
        yield f"due {due}{then}", deadline_colour(expires, now)


def _identity(checkpoint: Checkpoint) -> list[Span]:
    """What it is to the API; that helps to find it, and not to decide."""
    return _told({"type": checkpoint.checkpoint_type, "checkpoint": checkpoint.id}, {})


def _told(facts: Mapping[str, str | None], colours: Mapping[str, str]) -> list[Span]:
    """Each as `name value`."""
    return [(f"{name} {display_name(value)}", colours.get(name, "grey")) for name, value in facts.items() if value]
