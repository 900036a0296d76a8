"""The help dialog: the keys of one key context, from the key registry, and a legend of the status glyphs."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from scaicore_tui.runs.status_style import BREAKPOINT, NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import wrap
from scaicore_tui.tui.keymap import KeyContext, actions_in, bindings
from scaicore_tui.tui.messages import InvokeKeyAction
from scaicore_tui.tui.render.line import Line, column
from scaicore_tui.tui.screens.base import ClosingOnce
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.line_view import TextPager

KEY_WIDTH_CELLS = 18


class HelpScreen(ClosingOnce, ModalScreen[None]):
    """Lists the keys of one key context and the meaning of the glyphs."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.HELP})]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background; }
    HelpScreen #panel { width: 96%; max-width: 84; height: 94%; max-height: 40; background: $background; }
    HelpScreen TextPager { padding: 1 1 0 1; height: 1fr; }
    """

    def __init__(self, key_context: KeyContext, *, read_only: bool) -> None:
        super().__init__()
        self._shown_context = key_context
        self._read_only = read_only
        self._pager = TextPager(self._lines)

    @property
    def key_context(self) -> KeyContext:
        """The dialog's own key context."""
        return KeyContext.HELP

    def compose(self) -> ComposeResult:
        with Vertical(id="panel"):
            yield Heading()
            yield self._pager
            yield Footer()

    def on_mount(self) -> None:
        """Fill heading and footer."""
        end = [("read-only: keys that write are off", "amber")] if self._read_only else []
        self.query_one(Heading).show([(f"Keys · {self._shown_context}", "text strong")], end, active=True)
        self.query_one(Footer).show(actions_in(KeyContext.HELP))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose footer key was clicked."""
        await self.run_action(request.action_id)

    def action_back(self) -> None:
        self.dismiss()

    def action_cursor_down(self) -> None:
        self._pager.move(1)

    def action_cursor_up(self) -> None:
        self._pager.move(-1)

    def action_page_down(self) -> None:
        self._pager.page(1)

    def action_page_up(self) -> None:
        self._pager.page(-1)

    def action_first(self) -> None:
        self._pager.jump(to_end=False)

    def action_last(self) -> None:
        self._pager.jump(to_end=True)

    def _lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for action in actions_in(self._shown_context, read_only=self._read_only):
            first, *rest = wrap(action.description, width - KEY_WIDTH_CELLS)
            lines.append([column(action.key_names, KEY_WIDTH_CELLS, "accent strong"), (first, "text")])
            lines += [[column("", KEY_WIDTH_CELLS), (line, "text")] for line in rest]
        return [*lines, [], _legend_line("runs", list(RUN_STYLES.values())), _legend_line("nodes", _node_styles())]


def _node_styles() -> list[StatusStyle]:
    return [*NODE_STYLES.values(), BREAKPOINT]


def _legend_line(name: str, styles: list[StatusStyle]) -> Line:
    return [column(name, 7, "grey"), *((f"{style.glyph} {style.word}  ", style.colour) for style in styles)]
