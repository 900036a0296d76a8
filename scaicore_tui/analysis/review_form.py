"""The form of a review (API §3) and what it asks, in the words of the person who reviews. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.lenient_json import as_text
from scaicore_tui.text import json_inline, one_line

INPUT, DECISION = "input", "decision"
# A form is named by so many of its values, if it has at least MIN_VALUES.
MAX_VALUES, MIN_VALUES = 3, 2
MAX_VALUE_CELLS = 60
SEPARATOR = " · "
# What may follow a number in the message: a currency code or sign.
_UNIT = r"\s?([A-Z]{3}\b|[€$£])"


def form_sections(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Return the sections of the form that have fields. Malformed sections are only shown in the context."""
    found = checkpoint.presentation.sections
    rows = found if isinstance(found, list) else []
    return [row for row in rows if isinstance(row, dict) and _has_fields(row)]


def section_title(section: dict[str, Any]) -> str:
    """Return the title of a section, with a note if it holds input fields."""
    title = json_inline(section.get("title") or section.get("type") or "section")
    return f"{title} · input" if is_input_section(section) else title


def is_input_section(section: dict[str, Any]) -> bool:
    """Return whether the section holds input fields."""
    return _type_of(section) == INPUT


def field_label(field: dict[str, Any]) -> str:
    """Return the label of a field."""
    return json_inline(field.get("label") or field.get("name") or "field")


def input_field_lines(checkpoint: Checkpoint) -> list[str]:
    """Return the input fields as lines `label: value`, for a comment."""
    fields = [
        field for section in form_sections(checkpoint) if is_input_section(section) for field in section["fields"]
    ]
    return [f"{field_label(field)}: {json_inline(field.get('value'))}" for field in fields if isinstance(field, dict)]


def asked_words(checkpoint: Checkpoint) -> str:
    """Return what is asked as one safe line, such as `Ada Okoye · Train number 7 · 1030 EUR`.

    A form is named by its first values, a breakpoint by its node, anything else by title and message.
    """
    if checkpoint.is_breakpoint and checkpoint.node_id:
        return one_line(f"stopped before {checkpoint.node_id}")
    values = list(_named_values(checkpoint))
    if len(values) >= MIN_VALUES:
        return SEPARATOR.join(values[:MAX_VALUES])
    title, message = one_line(checkpoint.title), one_line(checkpoint.body_text)
    if not title or not message:
        return title or message or one_line(checkpoint.id)
    return f"{title}{' ' if title[-1] in '?!.:' else SEPARATOR}{message}"


def _named_values(checkpoint: Checkpoint) -> Iterator[str]:
    """Yield the texts and numbers of the sections to read, a number with the currency that the message has after it."""
    sections = (section for section in form_sections(checkpoint) if not is_input_section(section))
    for field in (field for section in sections for field in section["fields"] if isinstance(field, dict)):
        value = field.get("value")
        if value is None or value == "" or isinstance(value, bool | dict | list):
            continue
        text = one_line(as_text(value), MAX_VALUE_CELLS)
        yield text if isinstance(value, str) else f"{text}{_unit_after(text, checkpoint.body_text)}"


def _unit_after(number: str, message: str) -> str:
    found = re.search(rf"(?<![\d.,]){re.escape(number)}{_UNIT}", message)
    return "" if found is None else f" {found[1]}"


def _has_fields(section: dict[str, Any]) -> bool:
    return isinstance(section.get("fields"), list) and _type_of(section) != DECISION


def _type_of(section: dict[str, Any]) -> str:
    return as_text(section.get("type")).casefold()
