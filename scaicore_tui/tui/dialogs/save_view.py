"""The dialog that asks for the name of a view, and saves it in the configuration file."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from scaicore_tui.config.views import SavedView
from scaicore_tui.text import cell_width, one_line
from scaicore_tui.tui.dialogs.status_dialog import StatusDialog
from scaicore_tui.tui.query_messages import SaveView, ViewSaved
from scaicore_tui.tui.render.line import Line, column, untrusted
from scaicore_tui.tui.run_list_model import View
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import ActionHint, Heading
from scaicore_tui.tui.widgets.inputs import SafeInput
from scaicore_tui.tui.widgets.line_view import TextPager

MAX_NAME_CELLS, LABEL_CELLS = 40, 8
HOW = "enter saves it in the configuration file · esc cancels"


class SaveViewScreen(StatusDialog):
    """Asks for a name. Closes with the name once the view is saved, or without one."""

    AUTO_FOCUS = "SafeInput"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "cancel", show=False)]
    DEFAULT_CSS = """
    SaveViewScreen TextPager { height: auto; max-height: 50%; margin: 1 1; }
    """

    def __init__(self, state: AppState, view: SavedView, name: str) -> None:
        super().__init__(state)
        self._view = view
        self._known = frozenset(state.views)
        # The name of a view that is replaced by another press of Enter.
        self._to_replace: str | None = None
        self._is_saving = False
        self._heading, self._hint = Heading(), ActionHint()
        self._field = SafeInput(name, placeholder="name of the view")

    def compose_panel(self) -> ComposeResult:
        yield self._heading
        yield TextPager(self._lines)
        yield self._field
        yield self._hint

    def on_mount(self) -> None:
        """Say what the keys do."""
        super().on_mount()
        self._heading.show([("Save as a view", "text strong")], active=True)
        self._hint.show((HOW, "grey"))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Forget which view was to be replaced: the name is another one now."""
        event.stop()
        self._to_replace = None
        self._hint.show((HOW, "grey"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Save the view. One with the same name is replaced after another press only."""
        event.stop()
        name = self._field.value.strip()
        if self._is_saving:
            return
        if reason := _why_not(name):
            self._hint.show((reason, "amber"))
        elif name in self._known and name != self._to_replace:
            self._ask_to_replace(name)
        else:
            self._is_saving = True
            self._hint.show(("saving…", "grey"))
            self.app.post_message(SaveView(name, self._view, replace=name == self._to_replace))

    def show_saved(self, saved: ViewSaved) -> None:
        """Close, or say why the view was not saved."""
        self._is_saving = False
        if not saved.problem:
            self.dismiss(saved.name)
        elif saved.is_known:
            self._ask_to_replace(saved.name)
        else:
            self._hint.show((f"not saved: {one_line(saved.problem)}", "amber"))

    def action_back(self) -> None:
        self.dismiss(None)

    def _ask_to_replace(self, name: str) -> None:
        self._to_replace = name
        self._hint.show((f"there is a view “{one_line(name)}”: enter replaces it, another name keeps it", "amber"))

    def _lines(self, width: int) -> list[Line]:
        view = self._view
        query = untrusted(view.query, width - LABEL_CELLS) if view.query else [[("all runs", "text")]]
        lines: list[Line] = [
            [column("query" if not number else "", LABEL_CELLS, "grey"), *line] for number, line in enumerate(query)
        ]
        lines.append([column("sort", LABEL_CELLS, "grey"), (view.sort or "changed", "text")])
        if view.group is not None:
            lines.append([column("group", LABEL_CELLS, "grey"), (view.group, "text")])
        return lines


def _why_not(name: str) -> str:
    """Return why a view cannot have this name; empty if it can."""
    if not name:
        return "type a name first"
    if cell_width(name) > MAX_NAME_CELLS:
        return f"the name is longer than {MAX_NAME_CELLS} characters"
    return f"“{name}” is a view of its own already: choose another name" if name in list(View) else ""
