"""The profiles to choose from: which is open, where each of the others leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from scaicore_tui.config.settings import ProfileInfo
from scaicore_tui.text import cell_width, one_line
from scaicore_tui.tui.keymap import KeyContext, actions_in, bindings
from scaicore_tui.tui.messages import InvokeKeyAction, SwitchProfile
from scaicore_tui.tui.render.line import Line, Span, column
from scaicore_tui.tui.render.status import name_span
from scaicore_tui.tui.screens.base import ClosingOnce
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.row_list import RowList

NAME_WIDTH, HERE_WIDTH = 20, 6


class ProfileList(RowList):
    """One row for each; `current` is the one that is open."""

    def __init__(self, choices: Sequence[ProfileInfo], current: str | None) -> None:
        super().__init__()
        self._choices = choices
        self._current = current
        self.cursor = next((row for row, one in enumerate(choices) if one.name == current), 0)
        self.is_front = True

    @property
    def row_count(self) -> int:
        return len(self._choices)

    @property
    def empty_words(self) -> str:
        return "there is none: scaicore-tui config init writes the first"

    @property
    def selected(self) -> ProfileInfo | None:
        """The profile under the cursor."""
        return self._choices[self.cursor] if self._choices else None

    def draw_row(self, row: int) -> Line:
        choice = self._choices[row]
        name = name_span(choice.name, choice.color, NAME_WIDTH - 3)
        lead: Span = (" ", "text")
        named = [name] if choice.color is not None else [lead, name, lead]
        blank = " " * (NAME_WIDTH - sum(cell_width(text) for text, _ in named))
        here = column("open" if choice.name == self._current else "", HERE_WIDTH, "green")
        facts = (choice.core, "protected" * choice.protected, "read-only" * choice.read_only)
        told = "".join(f" · {one_line(fact)}" for fact in facts if fact)
        return [*named, (blank, "text"), here, (one_line(choice.url), "text"), (told, "grey")]

    def row_opened(self) -> None:
        self.post_message(InvokeKeyAction("switch"))


class ProfilesScreen(ClosingOnce, ModalScreen[None]):
    """Chooses one; whoever hears of it opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.PROFILES})]
    DEFAULT_CSS = """
    ProfilesScreen { align: center middle; background: $background; }
    ProfilesScreen #panel { width: 96%; max-width: 100; height: auto; background: $background; }
    ProfilesScreen ProfileList { padding: 1; height: auto; max-height: 80vh; }
    """

    def __init__(self, choices: Sequence[ProfileInfo], current: str | None) -> None:
        super().__init__()
        self._list = ProfileList(choices, current)
        self._heading, self._footer = Heading(), Footer()

    @property
    def key_context(self) -> KeyContext:
        """Where the focus is."""
        return KeyContext.PROFILES

    def compose(self) -> ComposeResult:
        with Vertical(id="panel"):
            yield self._heading
            yield self._list
            yield self._footer

    def on_mount(self) -> None:
        """Say what it is about."""
        self._heading.show([("Profiles", "text strong")], active=True)
        self._footer.show(actions_in(KeyContext.PROFILES))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """A key of the footer was clicked, or a profile."""
        await self.run_action(request.action_id)

    def action_switch(self) -> None:
        selected = self._list.selected
        if selected is not None:
            self.app.post_message(SwitchProfile(selected.name))
        self.dismiss()

    def action_back(self) -> None:
        self.dismiss()

    def action_cursor_down(self) -> None:
        self._list.move(1)

    def action_cursor_up(self) -> None:
        self._list.move(-1)

    def action_page_down(self) -> None:
        self._list.page(1)

    def action_page_up(self) -> None:
        self._list.page(-1)

    def action_first(self) -> None:
        self._list.go(to_end=False)

    def action_last(self) -> None:
        self._list.go(to_end=True)
