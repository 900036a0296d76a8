"""What a checkpoint asks, as lines to read: all of it that helps to decide. Pure."""

from __future__ import annotations

from typing import Any

from scaicore_tui.text import cells, one_line, pretty, wrap
from scaicore_tui.tui.paint import Pieces
from scaicore_tui.tui.times import since, until
from scaicore_tui.wire import Checkpoint


def question_lines(checkpoint: Checkpoint, width: int, now: float) -> list[Pieces]:
    """Title, message, facts and context, wrapped to `width` cells."""
    lines: list[Pieces] = [[(line, "text strong")] for line in wrap(checkpoint.title, width)]
    if checkpoint.question:
        lines += [[(line, "text")] for line in wrap(checkpoint.question, width)]
    lines += [[], *([(line, "grey")] for line in _packed(_facts(checkpoint, now), width))]
    for section in _sections(checkpoint):
        lines += [[], [(one_line(str(section.get("title") or section.get("type") or "section")), "accent")]]
        for field in section.get("fields") or ():
            lines += _field(field, width)
    if checkpoint.context is not None:
        lines += [[], [("context", "accent")]]
        lines += [[(line, "text")] for line in wrap(pretty(checkpoint.context), width)]
    return lines


def _packed(facts: list[str], width: int) -> list[str]:
    """The facts, as many on a line as fit whole."""
    lines: list[str] = []
    for fact in facts:
        joined = f"{lines[-1]} · {fact}" if lines else fact
        if lines and cells(joined) <= width:
            lines[-1] = joined
        else:
            lines += wrap(fact, width)
    return lines


def _sections(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The sections of a review form; what is not of their shape is left to the context."""
    sections = (checkpoint.presentation.model_extra or {}).get("sections")
    rows = sections if isinstance(sections, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("fields"), list)]


def _field(field: Any, width: int) -> list[Pieces]:
    """One field of a form: its label and its value. What is editable on a form has no place in an answer (API §3)."""
    if not isinstance(field, dict):
        return [[(line, "text")] for line in wrap(pretty(field), width)]
    label = f"{field.get('label') or field.get('name') or 'field'}: "
    return [[(line, "text")] for line in wrap(label + pretty(field.get("value")), width)]


def _facts(checkpoint: Checkpoint, now: float) -> list[str]:
    """What is known beside the question, each as `name value`."""
    waited = since(checkpoint.created, now)
    facts = {
        "waiting": waited,
        "priority": checkpoint.priority,
        "for": checkpoint.assignee_raw,
        "deadline": until(checkpoint.expires, now) if checkpoint.expires is not None else checkpoint.expires_at,
        "then": checkpoint.expiry_action,
        "node": checkpoint.node_id,
        "run": checkpoint.execution_id,
        "type": checkpoint.checkpoint_type,
        "checkpoint": checkpoint.id,
    }
    return [f"{name} {one_line(value)}" for name, value in facts.items() if value]
