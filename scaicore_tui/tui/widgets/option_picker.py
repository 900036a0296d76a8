"""A list of options to choose one from: by number, arrow keys, typed letters or mouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Size

from scaicore_tui.protocol import Option
from scaicore_tui.text import cell_width, one_line, wrap
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import bindings
from scaicore_tui.tui.messages import OptionChosen
from scaicore_tui.tui.render.line import CURSOR, Line, Span
from scaicore_tui.tui.widgets.line_view import LineView


class OptionPicker(LineView, can_focus=True):
    """Numbered options of which one can be chosen. Sends nothing. Characters in `reserved` are ignored."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.ANSWER}, only=("option_down", "option_up"))]

    def __init__(self, options: Sequence[Option], chosen: str | None = None, *, reserved: str = "") -> None:
        super().__init__()
        self._options = options
        self._row = next((row for row, option in enumerate(options) if option.id == chosen), None)
        self._reserved = reserved
        self._typed = ""
        self._wrapped_lines: dict[int, list[tuple[int, list[Span]]]] = {}

    @property
    def chosen(self) -> Option | None:
        """The chosen option; None if none is chosen."""
        return None if self._row is None else self._options[self._row]

    @property
    def option_count(self) -> int:
        """The number of options."""
        return len(self._options)

    @property
    def line_count(self) -> int:
        return len(self._lines(self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def draw(self, line: int) -> Line:
        lines = self._lines(self.size.width)
        row, spans = lines[line]
        is_chosen, is_first = row == self._row, not line or lines[line - 1][0] != row
        number = str(row + 1).rjust(len(str(len(self._options))))
        prefix = f"{CURSOR if is_chosen else ' '} {number} " if is_first else " " * self._indent
        styled = [(text, f"{colour} strong" if is_chosen and colour == "text" else colour) for text, colour in spans]
        return [(prefix, "accent strong"), *styled]

    def choose(self, row: int) -> None:
        """Choose the option at `row`, or the nearest one."""
        self._row = max(0, min(row, len(self._options) - 1))
        chosen_lines = [line for line, (other, _) in enumerate(self._lines(self.size.width)) if other == self._row]
        if not self.top <= chosen_lines[0] <= chosen_lines[-1] < self.top + self.size.height:
            self.scroll_to_line(chosen_lines[0] - max(0, self.size.height - len(chosen_lines)) // 2)
        self.repaint()
        self.post_message(OptionChosen(self._options[self._row].id))

    def action_option_down(self) -> None:
        self._typed = ""
        self.choose(0 if self._row is None else self._row + 1)

    def action_option_up(self) -> None:
        self._typed = ""
        self.choose(0 if self._row is None else self._row - 1)

    def on_key(self, event: events.Key) -> None:
        """Choose by number, or by the first letters of a label or an id. Other keys are left to the dialog."""
        if event.character is None or not event.is_printable or event.character in self._reserved:
            return
        for typed in (self._typed + event.character.lower(), event.character.lower()):
            row = self._find_row(typed)
            if row is not None:
                event.stop()
                self._typed = typed
                self.choose(row)
                return

    def on_click(self, event: events.Click) -> None:
        """Choose the option under the mouse."""
        lines = self._lines(self.size.width)
        if self.top + event.y < len(lines):
            self._typed = ""
            self.choose(lines[self.top + event.y][0])

    @property
    def _indent(self) -> int:
        """The width of the cursor and number in cells."""
        return len(str(len(self._options))) + 3

    def _lines(self, width: int) -> list[tuple[int, list[Span]]]:
        """Return all options wrapped to `width` cells, as pairs of option row and spans."""
        if width not in self._wrapped_lines:
            available = max(1, width - self._indent)
            self._wrapped_lines = {
                width: [
                    (row, line) for row, option in enumerate(self._options) for line in _wrap_option(option, available)
                ]
            }
        return self._wrapped_lines[width]

    def _find_row(self, typed: str) -> int | None:
        if typed.isdecimal():
            return int(typed) - 1 if 0 < int(typed) <= len(self._options) else None
        names = ((option.name.lower(), option.id.lower()) for option in self._options)
        return next((row for row, pair in enumerate(names) if any(name.startswith(typed) for name in pair)), None)


def _wrap_option(option: Option, width: int) -> Iterator[list[Span]]:
    """Yield the lines of the label; the id follows on the last line, or below if it does not fit."""
    *full, last = wrap(one_line(option.name), width)
    for line in full:
        yield [(line, "text")]
    identity = one_line(option.id) if option.label and option.label != option.id else ""
    if cell_width(last) + 2 + cell_width(identity) <= width:
        yield [(last, "text"), (f"  {identity}" if identity else "", "grey")]
        return
    yield [(last, "text")]
    for line in wrap(identity, width):
        yield [(line, "grey")]
