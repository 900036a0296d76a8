"""What a protected profile asks for before anything is written: the word that confirms, typed out by hand."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from scaicore_tui.text import named, one_line
from scaicore_tui.tui.messages import WordTyped
from scaicore_tui.tui.widgets.typed_line import TypedLine


class TypeOut(TypedLine):
    """Takes the word sign by sign; where it is not `needed`, it is not there.

    A paste is refused, also of the word alone: typing it out is there to make a person read what goes out, and a
    clipboard only shows that something was copied.
    """

    DEFAULT_CSS = """
    TypeOut > .input--placeholder { color: $state-amber; }
    """

    def __init__(self, *, needed: bool) -> None:
        super().__init__()
        self.needed = needed
        self.was_pasted = False
        self._words: tuple[str, ...] = ()
        self._subject: object = None
        self._is_begun = False

    @property
    def word(self) -> str:
        """The word to type, the shortest that will do; empty where nothing can be confirmed yet."""
        return min(self._words, key=len, default="")

    @property
    def is_done(self) -> bool:
        """Whether it stands there, or is not needed."""
        return not self.needed or self.value in self._words

    def ask(self, words: tuple[str, ...], subject: object) -> None:
        """Take any of `words`, as they are shown, for `subject`. What was typed for another subject is gone."""
        if subject != self._subject:
            self.value = ""
        self._subject = subject
        self._words = tuple(word for word in map(one_line, words) if word)
        what = f"type {named(self.word)} to send" if self.word else "what is chosen is typed out here"
        self.placeholder = f"this profile is protected: {what}"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the dialog, and whether the word was begun."""
        event.stop()
        begins, self._is_begun = bool(event.value) and not self._is_begun, bool(event.value)
        self.was_pasted = False
        self.post_message(WordTyped(begins=begins))

    def on_paste(self, event: events.Paste) -> None:
        """Refuse it."""
        event.prevent_default()
        event.stop()
        self._refuse()

    def action_paste(self) -> None:
        self._refuse()

    def _refuse(self) -> None:
        self.was_pasted = True
        self.post_message(WordTyped(begins=False))
