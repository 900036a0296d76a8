"""One-line text fields. Typed and pasted text is sanitized, so that no control character reaches terminal or API."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

from scaicore_tui.text import display_name, one_line, sanitize_input_line
from scaicore_tui.tui.messages import ConfirmationTyped, FilterClosed, FilterTyped, MomentTyped


class SafeInput(Input):
    """A one-line text field."""

    DEFAULT_CSS = """
    SafeInput { border: none; height: 1; padding: 0 1; background: $panel; }
    SafeInput:focus { border: none; background: $panel; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(sanitize_input_line(value), placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """Insert `text`, sanitized. Textual calls this for all typing and pasting."""
        super().replace(sanitize_input_line(text), start, end)


class FilterBar(SafeInput):
    """Filters while a person types. Enter keeps the filter, Escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close(False)", "clear", show=False),
        Binding("enter,down", "close(True)", "keep", show=False),
    ]
    DEFAULT_CSS = """
    FilterBar { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(placeholder="filter: words to find, !words to exclude", id=id)

    def open(self) -> None:
        """Show the bar and focus it."""
        self.display = True
        self.focus()

    def action_close(self, kept: bool) -> None:
        if not kept:
            with self.prevent(Input.Changed):
                self.value = ""
        self.display = False
        self.post_message(FilterClosed(kept and bool(self.value)))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Post the filter text typed so far."""
        event.stop()
        self.post_message(FilterTyped(event.value))


class SearchBar(FilterBar):
    """Searches while a person types. Enter keeps the text for `n` and `N`, Escape drops it."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.placeholder = "search: a text in names and values"


class MomentBar(SafeInput):
    """Asks for an event or a time of the run. Enter goes there, Escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close(False)", "drop", show=False),
        Binding("enter", "close(True)", "go", show=False),
    ]
    DEFAULT_CSS = """
    MomentBar { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(placeholder="show the run as of: event 12, 12:01:32 or +4.1s after its start", id=id)

    def open(self) -> None:
        """Show the bar, empty, and focus it."""
        self.value = ""
        self.display = True
        self.focus()

    def action_close(self, is_kept: bool) -> None:
        self.display = False
        self.post_message(MomentTyped(self.value if is_kept else ""))


class TypeToConfirm(SafeInput):
    """The field for the confirmation word of a protected profile. Not shown unless `is_needed`.

    Pasting is refused: typing makes a person read what will be sent, pasting does not.
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
        """The shortest word that confirms; empty if nothing can be confirmed yet."""
        return min(self._accepted_words, key=len, default="")

    @property
    def is_satisfied(self) -> bool:
        """True if an accepted word is typed, or none is needed."""
        return not self.is_needed or self.value in self._accepted_words

    def require(self, words: tuple[str, ...], key: object) -> None:
        """Accept any of `words`, in their displayed form, to confirm `key`. If `key` changed, clear the field."""
        if key != self._key:
            self.value = ""
        self._key = key
        self._accepted_words = tuple(word for word in map(one_line, words) if word)
        request = f"type {display_name(self.word)} to send" if self.word else "choose first, then type the choice here"
        self.placeholder = f"this profile is protected: {request}"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Post the change to the dialog; `begins` is True for the first character."""
        event.stop()
        begins, self._has_begun = bool(event.value) and not self._has_begun, bool(event.value)
        self.was_pasted = False
        self.post_message(ConfirmationTyped(begins=begins))

    def on_paste(self, event: events.Paste) -> None:
        """Refuse the paste."""
        event.prevent_default()
        event.stop()
        self._refuse_paste()

    def action_paste(self) -> None:
        self._refuse_paste()

    def _refuse_paste(self) -> None:
        self.was_pasted = True
        self.post_message(ConfirmationTyped(begins=False))
