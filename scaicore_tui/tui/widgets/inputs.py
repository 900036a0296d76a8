"""What a protected profile asks for before anything is written: the word that confirms, typed out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widgets import Input, TextArea
from textual.widgets.text_area import Edit, EditResult

from scaicore_tui.text import display_name, escape_json, one_line, sanitize_input, sanitize_input_line
from scaicore_tui.tui.messages import ConfirmationTyped, FilterClosed, FilterTyped


class SafeInput(Input):
    """One line."""

    DEFAULT_CSS = """
    SafeInput { border: none; height: 1; padding: 0 1; background: $panel; }
    SafeInput:focus { border: none; background: $panel; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(sanitize_input_line(value), placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """All typing and pasting comes this way."""
        super().replace(sanitize_input_line(text), start, end)


class SafeTextArea(TextArea):
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
            self.sanitize(text),
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

    def sanitize(self, text: str) -> str:
        """`text` as it may stand here."""
        return sanitize_input(text)

    def render_line(self, y: int) -> Strip:
        """Nothing where no cell is left: Textual would break the placeholder into lines of no width."""
        return super().render_line(y) if self.content_size.width else Strip([])

    def edit(self, edit: Edit) -> EditResult:
        """All typing and pasting comes this way."""
        return super().edit(replace(edit, text=self.sanitize(edit.text)))


class JsonEditor(SafeTextArea):
    """A text of JSON, with numbered lines."""

    DEFAULT_CSS = """
    JsonEditor { border: none; padding: 0; background: $panel; }
    JsonEditor:focus { border: none; background: $panel; }
    """

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(text, show_line_numbers=True, id=id)

    def sanitize(self, text: str) -> str:
        return escape_json(text)

    def set_text(self, text: str) -> None:
        """Put `text` in place of all that stands there; that can be undone."""
        self.replace(text, (0, 0), self.document.end)
        self.move_cursor((0, 0))


class FilterBar(SafeInput):
    """Filters while it is typed. Enter keeps the filter, Escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close(False)", "clear", show=False),
        Binding("enter,down", "close(True)", "keep", show=False),
    ]
    DEFAULT_CSS = """
    FilterBar { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(placeholder="filter: words, !words that must not stand there", id=id)

    def open(self) -> None:
        """Show it and type in it."""
        self.display = True
        self.focus()

    def action_close(self, kept: bool) -> None:
        if not kept:
            with self.prevent(Input.Changed):
                self.value = ""
        self.display = False
        self.post_message(FilterClosed(kept and bool(self.value)))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter by what is typed so far."""
        event.stop()
        self.post_message(FilterTyped(event.value))


class TypeToConfirm(SafeInput):
    """Takes the word sign by sign; where it is not `needed`, it is not there.

    A paste is refused, also of the word alone: typing it out is there to make a person read what goes out, and a
    clipboard only shows that something was copied.
    """

    DEFAULT_CSS = """
    TypeToConfirm > .input--placeholder { color: $state-amber; }
    """

    def __init__(self, *, is_needed: bool) -> None:
        super().__init__()
        self.is_needed = is_needed
        self.was_pasted = False
        self._accepted_words: tuple[str, ...] = ()
        self._key: object = None
        self._has_begun = False

    @property
    def word(self) -> str:
        """The word to type, the shortest that will do; empty where nothing can be confirmed yet."""
        return min(self._accepted_words, key=len, default="")

    @property
    def is_satisfied(self) -> bool:
        """Whether it stands there, or is not needed."""
        return not self.is_needed or self.value in self._accepted_words

    def require(self, words: tuple[str, ...], key: object) -> None:
        """Take any of `words`, as they are shown, for `subject`. What was typed for another subject is gone."""
        if key != self._key:
            self.value = ""
        self._key = key
        self._accepted_words = tuple(word for word in map(one_line, words) if word)
        what = f"type {display_name(self.word)} to send" if self.word else "what is chosen is typed out here"
        self.placeholder = f"this profile is protected: {what}"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the dialog, and whether the word was begun."""
        event.stop()
        begins, self._has_begun = bool(event.value) and not self._has_begun, bool(event.value)
        self.was_pasted = False
        self.post_message(ConfirmationTyped(begins=begins))

    def on_paste(self, event: events.Paste) -> None:
        """Refuse it."""
        event.prevent_default()
        event.stop()
        self._refuse_paste()

    def action_paste(self) -> None:
        self._refuse_paste()

    def _refuse_paste(self) -> None:
        self.was_pasted = True
        self.post_message(ConfirmationTyped(begins=False))
