"""An app that writes to its terminal only what changed on the screen, and ends without printing any data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events
from textual.app import App, ReturnType
from textual.await_complete import AwaitComplete
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import WorkerCancelled, WorkerFailed

from scaicore_tui.tui.terminal.capabilities import choose_driver

if TYPE_CHECKING:
    from scaicore_tui.tui.terminal.screen_buffer import ScreenBuffer

# A longer update may be shown in several steps, so the terminal is asked to show it at once.
SYNCHRONIZED_ABOVE_CHARS = 1024
# By the names that a Rich console gives them.
_COLOR_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}
BEGIN_SYNCHRONIZED, END_SYNCHRONIZED = "\x1b[?2026h", "\x1b[?2026l"


class DiffRenderingApp(App[ReturnType], Generic[ReturnType]):
    """An app that draws with `DiffDriver`. With any other driver it draws as Textual does."""

    def get_driver_class(self) -> type[Driver]:
        """Return the class of the driver for this system."""
        driver = choose_driver(super().get_driver_class())
        # Our own driver needs none: it draws from cells, which hold no control characters.
        self._line_filters: Sequence[LineFilter] = getattr(driver, "line_filters", ())
        return driver

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters that every line passes before it is drawn."""
        return [*super().get_line_filters(), *self._line_filters]

    @property
    def failure(self) -> BaseException | None:
        """The error that ended the app; None if it ended without one."""
        error: BaseException | None = getattr(self, "_exception", None)
        return error.error if isinstance(error, WorkerFailed) else error

    def panic(self, *_: RenderableType) -> None:
        """End the app. Textual would print its arguments; `run_app` raises `failure` instead."""
        self._close_or_exit()

    def _fatal_error(self) -> None:
        """End the app. Textual would print all local variables, and a token may be among them."""
        self._close_or_exit()

    async def shut_down(self) -> None:
        """Cancel the workers, wait for them to clean up, and restore the terminal if that is still to do."""
        # Some workers may have started while the app was ending.
        self.workers.cancel_all()
        for worker in tuple(self.workers):
            with suppress(WorkerCancelled, WorkerFailed):
                await worker.wait()
        restore = getattr(self._terminal, "restore", None)
        if restore is not None:
            restore()

    async def on_event(self, event: events.Event) -> None:
        """Forget the contents of the screen when its size changes: terminals differ in what they keep."""
        if isinstance(event, events.Resize) and self._buffer is not None:
            self._buffer.forget()
        await super().on_event(event)

    def on_driver_signal_resume(self) -> None:
        """Draw all of the screen after `fg`. Textual's own drivers post this; `JobControl` draws by itself."""
        self.redraw()

    def pop_screen(self) -> AwaitComplete:
        """Remove the top screen, and the reference to it that a cache of Textual's would keep."""
        with suppress(ImportError, AttributeError):
            from textual._styles_cache import StylesCache

            StylesCache.get_inner_outer.cache_clear()
        return super().pop_screen()

    def redraw(self) -> None:
        """Draw all of the screen, even the parts that should be there already."""
        if self._buffer is not None:
            self._buffer.forget()
        self.refresh()

    def send_to_terminal(self, sequence: str) -> None:
        """Write an escape sequence that draws nothing."""
        if sequence and self._terminal is not None:
            self._terminal.write(sequence)
            self._terminal.flush()

    @property
    def _terminal(self) -> Driver | None:
        driver: Driver | None = getattr(self, "_driver", None)
        return driver

    @property
    def _buffer(self) -> ScreenBuffer | None:
        """The contents of the screen; None with a driver that does not keep them."""
        buffer: ScreenBuffer | None = getattr(self._terminal, "buffer", None)
        return buffer

    def _close_or_exit(self) -> None:
        end: Any = getattr(self, "_close_messages_no_wait", self.exit)
        end()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Write an update. Textual calls this for each of its updates."""
        text = self._difference(screen, renderable)
        if text is None:
            super()._display(screen, renderable)
            return
        self._write(text)
        self.post_display_hook()

    def _difference(self, screen: Screen[object], renderable: RenderableType | None) -> str | None:
        """Return what an update changes; None if Textual should handle it, which also draws nothing at these times."""
        buffer = self._buffer
        if buffer is None or not self._running or self._closed or self._batch_count:
            return None
        color_system = _COLOR_SYSTEMS.get(self.console.color_system or "", ColorSystem.TRUECOLOR)
        text = buffer.render(screen, renderable, color_system)
        # Input methods show the text that is being composed at the cursor.
        if text is not None and self.screen.focused is not None:
            text += buffer.move_cursor(self.screen.outer_size.clamp_offset(self.cursor_position))
        return text

    def _write(self, text: str) -> None:
        if text and self._driver is not None:
            is_synchronized = self._sync_available and len(text) > SYNCHRONIZED_ABOVE_CHARS
            self._driver.write(f"{BEGIN_SYNCHRONIZED}{text}{END_SYNCHRONIZED}" if is_synchronized else text)
            self._driver.flush()


def arrived_in_burst(key: events.Key) -> bool:
    """Return True if the key is a character that arrived together with an escape sequence: it may not be a key press.

    With the fallback driver this is not known, and always False.
    """
    return getattr(key, "arrived_in_burst", False)
