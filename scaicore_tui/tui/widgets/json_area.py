"""Where JSON is typed. What is pasted into it is made safe to show, and means the same."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from scaicore_tui.text import escaped


class JsonArea(TextArea):
    """A text of JSON, with numbered lines."""

    DEFAULT_CSS = """
    JsonArea { border: none; padding: 0; background: $panel; }
    JsonArea:focus { border: none; background: $panel; }
    """

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(escaped(text), soft_wrap=True, tab_behavior="focus", show_line_numbers=True, id=id)
        self.cursor_blink = False

    def edit(self, edit: Edit) -> EditResult:
        """All typing and pasting comes this way."""
        return super().edit(replace(edit, text=escaped(edit.text)))

    def put(self, text: str) -> None:
        """Put `text` in place of all that stands there; that can be undone."""
        self.replace(text, (0, 0), self.document.end)
        self.move_cursor((0, 0))
