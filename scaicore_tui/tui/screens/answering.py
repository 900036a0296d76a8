"""What the dialogs that answer share: options or a free text, a comment, and that nothing goes without being chosen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from textual.widget import Widget
from textual.widgets import Input

from scaicore_tui.actions.gate import words_of
from scaicore_tui.tui.actions import Place, writes
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.drafts import Draft
from scaicore_tui.tui.messages import OptionChosen
from scaicore_tui.tui.screens.dialog import Dialog
from scaicore_tui.tui.widgets.choices import Choices
from scaicore_tui.tui.widgets.typed_line import TypedLine
from scaicore_tui.tui.widgets.typed_text import TypedText
from scaicore_tui.wire import Option


class AnsweringDialog(Dialog):
    """A question to read, and its answer. What is chosen and typed is kept in a draft."""

    DEFAULT_CSS = """
    AnsweringDialog Choices { height: auto; max-height: 40%; margin: 1 1 0 1; }
    AnsweringDialog #free { margin: 1 1 0 1; padding: 0; }
    AnsweringDialog TextArea:focus { border: none; background: $boost; }
    AnsweringDialog TextArea { height: 1; border: none; padding: 0 1; margin: 1 1 0 1; background: $panel; }
    AnsweringDialog TextArea:focus, AnsweringDialog TextArea.-typed { height: 3; }
    AnsweringDialog.-low TextArea { margin: 0 1; }
    """

    def __init__(self, desk: Desk, options: Sequence[Option], draft: Draft, *, reserved: str = "") -> None:
        super().__init__(desk)
        self._draft = draft
        self._choices = Choices(options, draft.resolution, reserved=reserved) if options else None
        self._free = TypedLine(draft.resolution or "", placeholder="answer", id="free")
        self._comment = TypedText(draft.comment, placeholder="comment (optional)")
        self._comment.set_class(bool(draft.comment), "-typed")

    @property
    @abstractmethod
    def choosing(self) -> Place:
        """Where the focus is while it is not in the comment."""

    @property
    def place(self) -> Place:
        if self.type_out.has_focus:
            return Place.TYPING_OUT
        return Place.COMMENT if self._comment.has_focus else self.choosing

    @property
    def resolution(self) -> str | None:
        """What would be sent; None as long as nothing is chosen."""
        return self.chosen

    @property
    def chosen(self) -> str | None:
        """The option, or the free answer; None as long as there is none."""
        if self._choices is not None:
            return self._choices.chosen.id if self._choices.chosen is not None else None
        return self._free.value.strip() or None

    @property
    def comment(self) -> str | None:
        """What would be sent beside it."""
        return self._comment.text.strip() or None

    @property
    def key(self) -> str:
        """The key that confirms, where the focus is."""
        return "ctrl+s" if self.place is Place.COMMENT else "enter"

    @property
    def words(self) -> tuple[str, ...]:
        option = self._choices.chosen if self._choices is not None else None
        return tuple(words_of([] if option is None else [option], self.resolution or ""))

    @property
    def subject(self) -> object:
        return self.chosen

    @property
    def fields(self) -> list[Widget | None]:
        return [self._choices or self._free, *([] if self.read_only else [self._comment])]

    def compose_body(self) -> Iterator[Widget]:
        yield self.reading
        yield self._choices or self._free
        if not self.read_only:
            yield self._comment

    def on_mount(self) -> None:
        """The options have the keys."""
        super().on_mount()
        (self._choices or self._free).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only unbinds what writes."""
        return not (self.read_only and writes(action))

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """Remember the choice; sending it is another key."""
        self._draft.resolution = chosen.option_id
        self.show_frame()

    def on_text_area_changed(self) -> None:
        """What is typed survives the dialog; it takes room from what there is to read."""
        self._draft.comment = self._comment.text
        self._comment.set_class(bool(self._comment.text), "-typed")
        self.call_after_refresh(self.show_frame)

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed survives the dialog."""
        self._draft.resolution = event.value
        self.show_frame()
