"""What a terminal sends, as keys and clicks: Textual's reading of it, which ends over numbers that make no sense."""

from __future__ import annotations

from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message


class Parser(XTermParser):
    """Textual's own. A key of which no sign has the number is none, nor is a click where there is no cell."""

    def _parse_extended_key(self, sequence: str) -> list[events.Key] | None:  # type: ignore[override]  # cached there
        try:
            return super()._parse_extended_key(sequence)
        except (ValueError, OverflowError):
            return None

    def parse_mouse_code(self, code: str) -> Message | None:
        try:
            return super().parse_mouse_code(code)
        except ZeroDivisionError:
            return None
