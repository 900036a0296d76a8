"""The footer: the keys that matter here, as many as fit on one line. Each can be clicked."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events

from scaicore_tui.text import cells
from scaicore_tui.tui.actions import Action
from scaicore_tui.tui.messages import RunAction
from scaicore_tui.tui.paint import Piece, Pieces
from scaicore_tui.tui.widgets.lines import Bar

ALWAYS = ("next_pane", "back", "help", "quit")


class Footer(Bar):
    """Keys and labels of some actions. `ALWAYS` has its place at the end, however narrow it is."""

    DEFAULT_CSS = """
    Footer { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._actions: list[Action] = []

    def show(self, actions: Iterable[Action]) -> None:
        """Offer these actions, the most important first."""
        self._actions = [action for action in actions if action.label]
        self.repaint()

    def draw(self, line: int) -> Pieces:
        pieces: list[Piece] = [(" ", "text")]
        for action in self._fitting():
            pieces += [(action.first_key, "accent strong"), (f" {action.label}  ", "grey")]
        return pieces

    def on_click(self, event: events.Click) -> None:
        """Ask for the action under the mouse. A double click asks once: its second half may meet another footer,
        where the first one closed a dialog."""
        if event.chain > 1:
            return
        x = 1
        for action in self._fitting():
            x += _width(action)
            if event.x < x:
                self.post_message(RunAction(action.id))
                return

    def _fitting(self) -> list[Action]:
        ending = [action for action in self._actions if action.id in ALWAYS]
        room = self.size.width - 1 - sum(map(_width, ending))
        shown = []
        for action in self._actions:
            if action in ending:
                continue
            room -= _width(action)
            if room < 0:
                break
            shown.append(action)
        return shown + ending


def _width(action: Action) -> int:
    return cells(action.first_key) + cells(action.label) + 3
