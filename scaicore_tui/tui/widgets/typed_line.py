"""Where a person types a line. What is pasted there is made visible, so that what is seen is what is sent.

A clipboard is foreign text: its escape sequences would drive the terminal, its invisible signs would be sent unseen.
"""

from __future__ import annotations

from textual.widgets import Input

from scaicore_tui.text import typed_line


class TypedLine(Input):
    """One line."""

    DEFAULT_CSS = """
    TypedLine { border: none; height: 1; padding: 0 1; background: $panel; }
    TypedLine:focus { border: none; background: $panel; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(typed_line(value), placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """All typing and pasting comes this way."""
        super().replace(typed_line(text), start, end)
