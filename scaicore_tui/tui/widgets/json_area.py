"""Where JSON is typed. What is pasted into it is made safe to show, and means the same."""

from __future__ import annotations

from scaicore_tui.text import escaped
from scaicore_tui.tui.widgets.typed_text import TypedText


class JsonArea(TypedText):
    """A text of JSON, with numbered lines."""

    DEFAULT_CSS = """
    JsonArea { border: none; padding: 0; background: $panel; }
    JsonArea:focus { border: none; background: $panel; }
    """

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(text, show_line_numbers=True, id=id)

    def shown(self, text: str) -> str:
        return escaped(text)

    def put(self, text: str) -> None:
        """Put `text` in place of all that stands there; that can be undone."""
        self.replace(text, (0, 0), self.document.end)
        self.move_cursor((0, 0))
