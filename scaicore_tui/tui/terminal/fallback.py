"""The fallback for a release of Textual that lacks something of what `driver` uses: Textual's own driver and drawing.

The output still contains no escape sequences but ours, and no text with control characters. What is lost: small
updates, the protection of keys from forged input, and the clean end when the terminal is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.color import Color
from textual.driver import Driver
from textual.filter import LineFilter

from scaicore_tui.text import replace_controls as replace_controls
from scaicore_tui.tui.terminal.cells import SGR_RESET
from scaicore_tui.tui.terminal.escape_filter import filter_escapes


class ControlFilter(LineFilter):
    """Replaces control characters in the text of a line, and removes hyperlinks."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with safe text."""
        return [_safe_segment(segment) for segment in segments if segment.control is None]


def filtered(driver: type[Driver]) -> type[Driver]:
    """Return a subclass of `driver` that writes no escape sequences but ours."""

    class FilteringDriver(driver):  # type: ignore[misc, valid-type]
        """One of Textual's drivers, with a filter in front of its output."""

        line_filters: ClassVar[Sequence[LineFilter]] = (ControlFilter(),)

        def write(self, data: str) -> None:
            """Write the permitted part of `data`."""
            super().write(filter_escapes(data))

        def stop_application_mode(self) -> None:
            """Restore the terminal and its colours."""
            self.write(SGR_RESET)
            super().stop_application_mode()

    return FilteringDriver


def _safe_segment(segment: Segment) -> Segment:
    style = segment.style
    if style is not None and style.link:
        style = style.update_link(None)
    return Segment(replace_controls(segment.text), style)
