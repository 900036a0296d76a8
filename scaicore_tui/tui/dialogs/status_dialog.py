"""Base of dialogs that fill the screen below the status bar, which stays where it is on all screens."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from scaicore_tui.runs import Delta
from scaicore_tui.tui.abstract import AbstractMeta
from scaicore_tui.tui.screens.base import ClosingOnce
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import ONE_LINE_WIDTH, StatusBar

# On a lower screen there is no status bar.
MIN_ROWS = 12


class StatusDialog(ClosingOnce, ModalScreen[Any], metaclass=AbstractMeta):
    """A dialog below the status bar. Without a session there is no status to show."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    StatusDialog { background: $background; align: center top; }
    StatusDialog #panel { width: 100%; max-width: 140; height: 1fr; background: $background; }
    """

    def __init__(self, state: AppState | None) -> None:
        super().__init__()
        self._state = state
        self._status_bar = StatusBar()
        self._status_bar.display = state is not None

    @abstractmethod
    def compose_panel(self) -> ComposeResult:
        """Yield the widgets below the status bar."""

    def compose(self) -> ComposeResult:
        yield self._status_bar
        with Vertical(id="panel"):
            yield from self.compose_panel()

    def on_mount(self) -> None:
        """Show the status, and again as time goes on."""
        self.show_status()
        if self._state is not None:
            self.set_interval(self._state.tick_s, self.show_status)

    def on_resize(self) -> None:
        """Give the status bar the lines that it needs; on a very low screen the dialog needs all of them."""
        self._status_bar.styles.height = 1 if self.app.size.width >= ONE_LINE_WIDTH else 2
        self._status_bar.display = self._state is not None and self.app.size.height >= MIN_ROWS

    def apply_delta(self, delta: Delta) -> None:
        """Show the status after a change. Updates from the journal are frequent, so the next tick shows those."""
        if not delta.is_loaded:
            self.show_status()

    def show_status(self) -> None:
        """Redraw the status bar."""
        if self._state is not None:
            self._status_bar.show(self._state.status())
