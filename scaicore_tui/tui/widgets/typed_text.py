"""Where a person types a text of many lines: a note, or JSON. What is pasted is made visible, as in a line."""

from __future__ import annotations

from dataclasses import replace

from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from scaicore_tui.text import typed


class TypedText(TextArea):
    """A text of many lines."""

    def __init__(
        self,
        text: str = "",
        *,
        placeholder: str = "",
        show_line_numbers: bool = False,
        id: str | None = None,  # noqa: A002  (Textual's own name)
    ) -> None:
        super().__init__(
            self.shown(text),
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=show_line_numbers,
            placeholder=placeholder,
            id=id,
        )
        self.cursor_blink = False

    def on_unmount(self) -> None:
        """Leave nothing behind: the app would hold each that ever was, to tell it of the next theme."""
        watchers: list[tuple[object, object]] = vars(self.app).get("__watchers", {}).get("theme", [])
        watchers[:] = [watcher for watcher in watchers if watcher[0] is not self]

    def shown(self, text: str) -> str:
        """`text` as it may stand here."""
        return typed(text)

    def render_line(self, y: int) -> Strip:
        """Nothing where no cell is left: Textual would break the placeholder into lines of no width."""
        return super().render_line(y) if self.content_size.width else Strip([])

    def edit(self, edit: Edit) -> EditResult:
        """All typing and pasting comes this way."""
        return super().edit(replace(edit, text=self.shown(edit.text)))
