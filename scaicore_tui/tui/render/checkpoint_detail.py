"""Lines that describe a checkpoint: everything that helps to decide. Pure.

Text from the flow stands behind the quote bar. Its names within the program's own lines are one word or quoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from scaicore_tui.analysis.review_form import field_label, form_sections, input_field_lines, section_title
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.text import ELLIPSIS, cell_width, display_name, json_pretty, one_line, wrap
from scaicore_tui.timefmt import age_text, deadline_text
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.render.checkpoints import PRIORITY_COLOURS, deadline_colour
from scaicore_tui.tui.render.line import BAR, Line, Span
from scaicore_tui.tui.render.runs import core_name

# A longer form and context is cut off; ctrl+y copies all of it.
MAX_LINES = 3_000


def checkpoint_detail(checkpoint: Checkpoint, width: int, now: float) -> list[Line]:
    """Return title, message, urgency, form, context and ids, wrapped to `width` cells; `now` in seconds since 1970."""
    quoted_width = width - cell_width(BAR[0])
    lines: list[Line] = [_source(checkpoint, width), *quoted_lines(title_lines(checkpoint, quoted_width))]
    lines += [*packed(_location(checkpoint), width), *packed(urgency_spans(checkpoint, now), width)]
    body = list(islice(chain(_form(checkpoint, quoted_width), _context(checkpoint, quoted_width)), 1, MAX_LINES))
    lines += quoted_lines(body if len(body) < MAX_LINES - 1 else [*body[:-1], [(ELLIPSIS, "grey")]])
    if input_field_lines(checkpoint):
        lines += [[(line, "amber")] for line in wrap(_no_input(), width)]
    return [*lines, *packed(_identity(checkpoint), width)]


def quoted_lines(lines: list[Line]) -> list[Line]:
    """Return the lines behind the bar that marks text from a flow."""
    return [[BAR, *line] for line in lines]


def _source(checkpoint: Checkpoint, width: int) -> Line:
    flow, core = checkpoint.flow_name, core_name(checkpoint.core_id)
    label, name = ("from the flow ", flow) if flow else ("from the Core ", core)
    return [(label, "blue"), (display_name(name, width - cell_width(label)), "text strong")]


def title_lines(checkpoint: Checkpoint, width: int) -> list[Line]:
    lines: list[Line] = [[(line, "text strong")] for line in wrap(checkpoint.title, width)]
    if checkpoint.body_text:
        lines += [[(line, "text")] for line in wrap(checkpoint.body_text, width)]
    return lines


def _form(checkpoint: Checkpoint, width: int) -> Iterator[Line]:
    """Yield the sections of the form, each after an empty line."""
    for section in form_sections(checkpoint):
        yield []
        yield [(one_line(section_title(section), width), "accent")]
        for field in section["fields"]:
            yield from _field(field, width)


def _field(field: Any, width: int) -> Iterator[Line]:
    """Yield the label and value of a field."""
    text = f"{field_label(field)}: {json_pretty(field.get('value'))}" if isinstance(field, dict) else json_pretty(field)
    for line in wrap(text, width):
        yield [(line, "text")]


def _context(checkpoint: Checkpoint, width: int) -> Iterator[Line]:
    if checkpoint.context is None:
        return
    yield []
    yield [("context", "accent")]
    for line in wrap(json_pretty(checkpoint.context), width):
        yield [(line, "text")]


def packed(facts: list[Span], width: int) -> list[Line]:
    """Return the facts separated by dots, as many on a line as fit."""
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


def _location(checkpoint: Checkpoint) -> list[Span]:
    """Return the node, run and Core that wait."""
    core = core_name(checkpoint.core_id) if checkpoint.core_id else None
    return _facts({"node": checkpoint.node_id, "run": checkpoint.execution_id, "Core": core}, {})


def urgency_spans(checkpoint: Checkpoint, now: float) -> list[Span]:
    """Return priority, assignee, deadline and age; an urgent priority or deadline is coloured."""
    urgency = PRIORITY_COLOURS.get((checkpoint.priority or "").lower(), "grey")
    return [
        *_facts({"priority": checkpoint.priority, "for": checkpoint.assignee_raw}, {"priority": urgency}),
        *_deadline(checkpoint, now),
        *([(f"waiting {age_text(checkpoint.created, now)}", "grey")] if checkpoint.created is not None else []),
    ]


def _deadline(checkpoint: Checkpoint, now: float) -> Iterator[Span]:
    """Yield the deadline, if there is one, and the action on expiry."""
    expires = checkpoint.expires
    due = deadline_text(expires, now) if expires is not None else display_name(checkpoint.expires_at or "")
    then = f", then {display_name(checkpoint.expiry_action)}" if checkpoint.expiry_action else ""
    if checkpoint.expires_at:
        yield f"due {due}{then}", deadline_colour(expires, now)


def _identity(checkpoint: Checkpoint) -> list[Span]:
    """Return the type and id of the checkpoint."""
    return _facts({"type": checkpoint.checkpoint_type, "checkpoint": checkpoint.id}, {})


def _facts(facts: Mapping[str, str | None], colours: Mapping[str, str]) -> list[Span]:
    """Return each fact with a value as `name value`."""
    return [(f"{name} {display_name(value)}", colours.get(name, "grey")) for name, value in facts.items() if value]


def _no_input() -> str:
    tab, fields = (key_name(action, KeyContext.ANSWER) for action in ("next_field", "fields"))
    return f"This API accepts no input fields. Answer in the comment ({tab}); {fields} inserts the fields there."
