"""Text fields of several lines, sanitized like those of one line.

A module of its own, as the screens need none at the start: Textual's text area takes 10 ms to load.
"""

from __future__ import annotations

from dataclasses import replace

from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from scaicore_tui.text import escape_json, sanitize_input


class SafeTextArea(TextArea):
    """A text field of several lines."""

    def __init__(
        self,
        text: str = "",
        *,
        placeholder: str = "",
        show_line_numbers: bool = False,
        id: str | None = None,  # noqa: A002  (Textual's own name)
    ) -> None:
        super().__init__(
            self.sanitize(text),
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=show_line_numbers,
            placeholder=placeholder,
            id=id,
        )
        self.cursor_blink = False

    def on_unmount(self) -> None:
        """Remove the theme watcher that Textual leaves in the app: it would keep every closed field in memory."""
        watchers: list[tuple[object, object]] = vars(self.app).get("__watchers", {}).get("theme", [])
        watchers[:] = [watcher for watcher in watchers if watcher[0] is not self]

    def sanitize(self, text: str) -> str:
        """Return `text` as it may be shown here."""
        return sanitize_input(text)

    def render_line(self, y: int) -> Strip:
        """Draw nothing at a width of 0: Textual would wrap the placeholder into lines of width 0."""
        return super().render_line(y) if self.content_size.width else Strip([])

    def edit(self, edit: Edit) -> EditResult:
        """Apply `edit`, sanitized. Textual calls this for all typing and pasting."""
        return super().edit(replace(edit, text=self.sanitize(edit.text)))


class JsonEditor(SafeTextArea):
    """A JSON text field with line numbers. Unsafe characters are shown as JSON escapes."""

    DEFAULT_CSS = """
    JsonEditor { border: none; padding: 0; background: $panel; }
    JsonEditor:focus { border: none; background: $panel; }
    """

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(text, show_line_numbers=True, id=id)

    def sanitize(self, text: str) -> str:
        return escape_json(text)

    def set_text(self, text: str) -> None:
        """Replace the whole content by `text`, as one edit that can be undone."""
        self.replace(text, (0, 0), self.document.end)
        self.move_cursor((0, 0))
