"""The line where the filter of the run list is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from scaicore_tui.tui.messages import FilterClosed, FilterTyped
from scaicore_tui.tui.widgets.typed_line import TypedLine


class FilterBar(TypedLine):
    """Filters while it is typed. Enter keeps the filter, Escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close(False)", "clear", show=False),
        Binding("enter,down", "close(True)", "keep", show=False),
    ]
    DEFAULT_CSS = """
    FilterBar { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(placeholder="filter: words, !words that must not stand there", id=id)

    def open(self) -> None:
        """Show it and type in it."""
        self.display = True
        self.focus()

    def action_close(self, kept: bool) -> None:
        if not kept:
            with self.prevent(Input.Changed):
                self.value = ""
        self.display = False
        self.post_message(FilterClosed(kept and bool(self.value)))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter by what is typed so far."""
        event.stop()
        self.post_message(FilterTyped(event.value))
