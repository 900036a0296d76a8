"""Help for one view: the keys that do something there, out of the registry."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from scaicore_tui.runs.status_style import BREAKPOINT, NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import wrap
from scaicore_tui.tui.keymap import KeyContext, actions_at, bindings
from scaicore_tui.tui.messages import InvokeKeyAction
from scaicore_tui.tui.render.line import Line, column
from scaicore_tui.tui.screens.base import ClosingOnce
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.line_view import TextPager

KEY_WIDTH = 18


class HelpScreen(ClosingOnce, ModalScreen[None]):
    """The keys of one place, and what the signs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.HELP})]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background; }
    HelpScreen #panel { width: 96%; max-width: 84; height: 94%; max-height: 40; background: $background; }
    HelpScreen TextPager { padding: 1 1 0 1; height: 1fr; }
    """

    def __init__(self, place: KeyContext, *, read_only: bool) -> None:
        super().__init__()
        self._about = place
        self._read_only = read_only
        self._reading = TextPager(self._lines)

    @property
    def key_context(self) -> KeyContext:
        """Where the focus is."""
        return KeyContext.HELP

    def compose(self) -> ComposeResult:
        with Vertical(id="panel"):
            yield Heading()
            yield self._reading
            yield Footer()

    def on_mount(self) -> None:
        """Say what it is about."""
        end = [("read-only: keys that write are off", "amber")] if self._read_only else []
        self.query_one(Heading).show([(f"Keys · {self._about}", "text strong")], end, active=True)
        self.query_one(Footer).show(actions_at(KeyContext.HELP))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """A key of the footer was clicked."""
        await self.run_action(request.action_id)

    def action_back(self) -> None:
        self.dismiss()

    def action_cursor_down(self) -> None:
        self._reading.move(1)

    def action_cursor_up(self) -> None:
        self._reading.move(-1)

    def action_page_down(self) -> None:
        self._reading.page(1)

    def action_page_up(self) -> None:
        self._reading.page(-1)

    def action_first(self) -> None:
        self._reading.go(to_end=False)

    def action_last(self) -> None:
        self._reading.go(to_end=True)

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for action in actions_at(self._about, read_only=self._read_only):
            words = wrap(action.description, width - KEY_WIDTH)
            lines.append([column(action.key_names, KEY_WIDTH, "accent strong"), (words[0], "text")])
            lines += [[column("", KEY_WIDTH), (line, "text")] for line in words[1:]]
        return [*lines, [], _legend("runs", list(RUN_STYLES.values())), _legend("nodes", _node_looks())]


def _node_looks() -> list[StatusStyle]:
    return [*NODE_STYLES.values(), BREAKPOINT]


def _legend(name: str, looks: list[StatusStyle]) -> Line:
    return [column(name, 7, "grey"), *((f"{look.glyph} {look.word}  ", look.colour) for look in looks)]
