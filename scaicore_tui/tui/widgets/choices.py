"""The options of a checkpoint, however many: chosen by number, by arrows, by typing, or with the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from scaicore_tui.text import one_line
from scaicore_tui.tui.actions import Place, bindings
from scaicore_tui.tui.messages import OptionChosen
from scaicore_tui.tui.paint import CURSOR, Piece, Pieces
from scaicore_tui.tui.widgets.lines import Lines
from scaicore_tui.wire import Option


class Choices(Lines, can_focus=True):
    """Numbered options, of which one may be chosen. Nothing is sent from here."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({Place.ANSWER}, only=("option_down", "option_up"))]

    def __init__(self, options: Sequence[Option], chosen: str | None = None) -> None:
        super().__init__()
        self._options = options
        self._row = next((row for row, option in enumerate(options) if option.id == chosen), None)
        self._typed = ""

    @property
    def chosen(self) -> Option | None:
        """The option that would be sent."""
        return None if self._row is None else self._options[self._row]

    @property
    def line_count(self) -> int:
        return len(self._options)

    def draw(self, line: int) -> Pieces:
        option, is_chosen = self._options[line], line == self._row
        number = str(line + 1).rjust(len(str(len(self._options))))
        pieces: list[Piece] = [
            (f"{CURSOR if is_chosen else ' '} {number} ", "accent strong"),
            (one_line(option.name), "text strong" if is_chosen else "text"),
        ]
        if option.label and option.label != option.id:
            pieces.append((f"  {one_line(option.id)}", "grey"))
        return pieces

    def choose(self, row: int) -> None:
        """Choose the option at `row`, or the nearest there is."""
        self._row = max(0, min(row, len(self._options) - 1))
        if not self.top <= self._row < self.top + self.size.height:
            self.scroll_to_line(self._row - self.size.height // 2)
        self.repaint()
        self.post_message(OptionChosen(self._options[self._row].id))

    def action_option_down(self) -> None:
        self._typed = ""
        self.choose(0 if self._row is None else self._row + 1)

    def action_option_up(self) -> None:
        self._typed = ""
        self.choose(0 if self._row is None else self._row - 1)

    def on_key(self, event: events.Key) -> None:
        """Choose by number, or by the first letters of a label or id."""
        if event.character is None or not event.is_printable:
            return
        event.stop()
        for typed in (self._typed + event.character.lower(), event.character.lower()):
            row = self._typed_row(typed)
            if row is not None:
                self._typed = typed
                self.choose(row)
                return

    def on_click(self, event: events.Click) -> None:
        """Choose the option under the mouse."""
        if self.top + event.y < len(self._options):
            self._typed = ""
            self.choose(self.top + event.y)

    def _typed_row(self, typed: str) -> int | None:
        if typed.isdecimal():
            return int(typed) - 1 if 0 < int(typed) <= len(self._options) else None
        names = ((option.name.lower(), option.id.lower()) for option in self._options)
        return next((row for row, both in enumerate(names) if any(name.startswith(typed) for name in both)), None)
