"""The form of a review, as far as an answer can carry it: sections to read, and input fields that can't be sent. Pure.

A decision section repeats the options, which the dialog shows as its own; it is left out.
"""

from __future__ import annotations

from typing import Any

from scaicore_tui.text import compact
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.values import text

INPUT, DECISION = "input", "decision"


def sections(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The sections with fields; what is not of their shape is left to the context."""
    found = checkpoint.presentation.sections
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict) and _has_fields(row)]


def title_of(section: dict[str, Any]) -> str:
    """What a section is called, and that it is a form's input where it is one."""
    title = compact(section.get("title") or section.get("type") or "section")
    return f"{title} · input" if is_input(section) else title


def is_input(section: dict[str, Any]) -> bool:
    """Whether a person would fill it in, on a form that can."""
    return _type_of(section) == INPUT


def label_of(field: dict[str, Any]) -> str:
    """What a field is called."""
    return compact(field.get("label") or field.get("name") or "field")


def input_lines(checkpoint: Checkpoint) -> list[str]:
    """The input fields, each as a line `label: value` for a comment."""
    fields = [field for section in sections(checkpoint) if is_input(section) for field in section["fields"]]
    return [f"{label_of(field)}: {compact(field.get('value'))}" for field in fields if isinstance(field, dict)]


def _has_fields(section: dict[str, Any]) -> bool:
    return isinstance(section.get("fields"), list) and _type_of(section) != DECISION


def _type_of(section: dict[str, Any]) -> str:
    return text(section.get("type")).casefold()
