"""The dialog that lists the profiles and switches to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from scaicore_tui.config.settings import ProfileInfo
from scaicore_tui.text import cell_width, one_line
from scaicore_tui.tui.dialogs.list_dialog import ListDialog
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import actions_in, bindings
from scaicore_tui.tui.messages import InvokeKeyAction, SwitchProfile
from scaicore_tui.tui.render.line import Line, Span, column
from scaicore_tui.tui.render.status import name_span
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.row_list import RowList

NAME_WIDTH_CELLS, OPEN_WIDTH_CELLS = 20, 6


class ProfileList(RowList):
    """One row per profile; `current` is the name of the open one."""

    def __init__(self, profiles: Sequence[ProfileInfo], current: str | None) -> None:
        super().__init__()
        self._profiles = profiles
        self._current = current
        self.cursor = next((row for row, one in enumerate(profiles) if one.name == current), 0)
        self.has_keys = True

    @property
    def row_count(self) -> int:
        return len(self._profiles)

    @property
    def empty_text(self) -> str:
        return "no profiles yet: create one with scaicore-tui config init"

    @property
    def selected(self) -> ProfileInfo | None:
        """The profile under the cursor."""
        return self._profiles[self.cursor] if self._profiles else None

    def draw_row(self, row: int) -> Line:
        profile = self._profiles[row]
        name = name_span(profile.name, profile.color, NAME_WIDTH_CELLS - 3)
        space: Span = (" ", "text")
        name_spans = [name] if profile.color is not None else [space, name, space]
        blank = " " * (NAME_WIDTH_CELLS - sum(cell_width(text) for text, _ in name_spans))
        is_open = column("open" if profile.name == self._current else "", OPEN_WIDTH_CELLS, "green")
        properties = (profile.core, "protected" * profile.protected, "read-only" * profile.read_only)
        suffix = "".join(f" · {one_line(text)}" for text in properties if text)
        return [*name_spans, (blank, "text"), is_open, (one_line(profile.url), "text"), (suffix, "grey")]

    def row_opened(self) -> None:
        self.post_message(InvokeKeyAction("switch"))


class ProfilesScreen(ListDialog):
    """Chooses a profile and posts `SwitchProfile`; the app opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.PROFILES})]
    DEFAULT_CSS = """
    ProfilesScreen ProfileList { margin: 1; height: auto; max-height: 80vh; }
    """

    def __init__(self, state: AppState | None, profiles: Sequence[ProfileInfo], current: str | None) -> None:
        super().__init__(state)
        self._list = ProfileList(profiles, current)
        self._heading, self._footer = Heading(), Footer()

    @property
    def rows(self) -> ProfileList:
        """The profiles."""
        return self._list

    @property
    def key_context(self) -> KeyContext:
        """The dialog's own key context."""
        return KeyContext.PROFILES

    def compose_panel(self) -> ComposeResult:
        yield self._heading
        yield self._list
        yield self._footer

    def on_mount(self) -> None:
        """Fill heading and footer."""
        super().on_mount()
        self.show_message("")
        self._footer.show(actions_in(KeyContext.PROFILES))

    def show_message(self, text: str, colour: str = "amber") -> None:
        """Show `text` beside the title."""
        self._heading.show([("Profiles", "text strong"), (f"  {text}", colour)], active=True)

    def action_switch(self) -> None:
        selected = self._list.selected
        if selected is not None:
            self.app.post_message(SwitchProfile(selected.name))
        self.dismiss()
