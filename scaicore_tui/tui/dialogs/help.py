"""The help: the keys of one key context, grouped, and the states with their glyphs. `/` searches them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from scaicore_tui.tui.dialogs.status_dialog import StatusDialog
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import actions_in, bindings
from scaicore_tui.tui.messages import FilterClosed, FilterTyped, InvokeKeyAction
from scaicore_tui.tui.render.help_lines import help_lines
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.inputs import FilterBar
from scaicore_tui.tui.widgets.line_view import TextPager


class HelpScreen(StatusDialog):
    """Lists the keys of one key context and the meaning of the glyphs."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.HELP})]
    DEFAULT_CSS = """
    HelpScreen TextPager { padding: 0 1; height: 1fr; }
    """

    def __init__(self, state: AppState, key_context: KeyContext) -> None:
        super().__init__(state)
        self._read_only = state.read_only
        self._shown_context = key_context
        self._needle = self._message = ""
        self._heading, self._footer = Heading(), Footer()
        self._search = FilterBar()
        self._search.placeholder = "find a key: words of what it does"
        self._pager = TextPager(self._lines)

    @property
    def key_context(self) -> KeyContext:
        """The dialog's own key context."""
        return KeyContext.HELP

    def compose_panel(self) -> ComposeResult:
        yield self._heading
        yield self._search
        yield self._pager
        yield self._footer

    def on_mount(self) -> None:
        """Fill the bars, and again after the layout: only then it is known whether there is more to read."""
        super().on_mount()
        self._footer.show(actions_in(KeyContext.HELP))
        self._show_heading()
        self.call_after_refresh(self._show_heading)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        super().on_resize()
        self.call_after_refresh(self._show_heading)

    def show_message(self, text: str, colour: str = "amber") -> None:
        """Show `text` in the heading, until the next key."""
        self._message = text
        self._show_heading()

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose footer key was clicked."""
        await self.run_action(request.action_id)

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Show the keys that match."""
        self._find(typed.needle)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Return the keys to the help."""
        self.set_focus(None)
        if not closed.kept:
            self._find("")

    def action_filter(self) -> None:
        self._search.open()

    def action_back(self) -> None:
        """Show all keys again after a search; else close the help."""
        if self._needle:
            self._search.action_close(kept=False)
        else:
            self.dismiss()

    def action_help(self) -> None:
        self.dismiss()

    def action_cursor_down(self) -> None:
        self._scroll(self._pager.top + 1)

    def action_cursor_up(self) -> None:
        self._scroll(self._pager.top - 1)

    def action_page_down(self) -> None:
        self._scroll(self._pager.top + self._page_lines)

    def action_page_up(self) -> None:
        self._scroll(self._pager.top - self._page_lines)

    def action_first(self) -> None:
        self._scroll(0)

    def action_last(self) -> None:
        self._scroll(self._pager.line_count)

    @property
    def _page_lines(self) -> int:
        return max(1, self._pager.size.height - 1)

    def _scroll(self, line: int) -> None:
        self._message = ""
        self._pager.scroll_to_line(line)
        self._show_heading()

    def _find(self, needle: str) -> None:
        self._needle = needle
        self._pager.scroll_to_line(0)
        self._pager.rebuild()
        self._show_heading()

    def _show_heading(self) -> None:
        left: list[Span] = [(f"Keys · {self._shown_context}", "text strong")]
        if self._read_only:
            left.append(("  read-only: keys that write are off", "amber"))
        if self._message:
            left = [(self._message, "amber")]
        self._heading.show(left, self._more_spans(), active=True)

    def _more_spans(self) -> list[Span]:
        """Return how many lines are out of sight."""
        pager = self._pager
        below = max(0, pager.line_count - pager.top - pager.size.height)
        parts = [f"{pager.top} more above" if pager.top else "", f"{below} more below" if below else ""]
        return [(" · ".join(filter(None, parts)), "accent")]

    def _lines(self, width: int) -> list[Line]:
        return help_lines(actions_in(self._shown_context, read_only=self._read_only), self._needle, width)
