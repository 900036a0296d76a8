"""Where a person types: a line, or a text. What is pasted there is made visible, so that what is seen is what is sent.

A clipboard is foreign text: its escape sequences would drive the terminal, its invisible signs would be sent unseen.
"""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import Input, TextArea
from textual.widgets.text_area import Edit, EditResult

from scaicore_tui.text import one_line, typed


class TypedLine(Input):
    """One line."""

    DEFAULT_CSS = """
    TypedLine { border: none; height: 1; padding: 0 1; background: $panel; }
    TypedLine:focus { border: none; background: $panel; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(one_line(value), placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """All typing and pasting comes this way."""
        super().replace(one_line(text), start, end)


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

    def shown(self, text: str) -> str:
        """`text` as it may stand here."""
        return typed(text)

    def edit(self, edit: Edit) -> EditResult:
        """All typing and pasting comes this way."""
        return super().edit(replace(edit, text=self.shown(edit.text)))
