"""An app that writes only what its terminal does not show yet.

Textual writes a changed line anew, from the left edge of its widget on, and ends each piece of it with a reset. Here it
is compared, cell by cell, with what the terminal was told before.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Generic

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ReturnType
from textual.driver import Driver
from textual.screen import Screen
from textual.worker import WorkerCancelled, WorkerFailed

from scaicore_tui.tui.terminal.driver import leave_terminal, memory_of, remembering
from scaicore_tui.tui.terminal.memory import ScreenMemory
from scaicore_tui.tui.terminal.patches import patches

# An update of more than this may arrive in pieces: the terminal is asked to show it at once.
ONE_PIECE = 1024
TOGETHER, DONE = "\x1b[?2026h", "\x1b[?2026l"


class SparingApp(App[ReturnType], Generic[ReturnType]):
    """Remembers what the terminal shows. Where there is no terminal to remember, it is Textual's app."""

    def get_driver_class(self) -> type[Driver]:
        return remembering(super().get_driver_class())

    @property
    def failure(self) -> BaseException | None:
        """What ended the app, where that was an error."""
        error = self._exception
        return error.error if isinstance(error, WorkerFailed) else error

    def panic(self, *_: RenderableType) -> None:
        """End. Textual would print what it is given; the failure is raised again by whoever runs the app."""
        self._close_messages_no_wait()

    def _fatal_error(self) -> None:
        """End. Textual would print the local variables, a token among them."""
        self._close_messages_no_wait()

    async def leave(self) -> None:
        """Wait until all that was begun has cleaned up behind itself, and give the terminal back, if it is not yet."""
        # Some may have begun while the app was ending.
        self.workers.cancel_all()
        for worker in tuple(self.workers):
            with suppress(WorkerCancelled, WorkerFailed):
                await worker.wait()
        leave_terminal(self._driver)

    async def on_event(self, event: events.Event) -> None:
        """Of another size, a terminal shows what it likes."""
        memory = memory_of(self._driver)
        if isinstance(event, events.Resize) and memory is not None:
            memory.forget()
        await super().on_event(event)

    def paint_again(self) -> None:
        """Paint all of the screen, whatever the terminal was told before."""
        if (memory := memory_of(self._driver)) is not None:
            memory.forget()
        self.refresh()

    def send_to_terminal(self, sequence: str) -> None:
        """Write a sequence that paints nothing."""
        if sequence and self._driver is not None:
            self._driver.write(sequence)
            self._driver.flush()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Write an update. Textual calls this for each, and for nothing else."""
        memory = memory_of(self._driver)
        if memory is None or not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            super()._display(screen, renderable)
            return
        if self._running and not self._closed and not self._batch_count:
            self._write(self._told(memory, screen, renderable))
        self.post_display_hook()

    def _told(self, memory: ScreenMemory, screen: Screen[object], update: LayoutUpdate | ChopsUpdate) -> str:
        if memory.is_blank and isinstance(update, ChopsUpdate):
            update = screen._compositor.render_full_update()
        depth = self.console._color_system or ColorSystem.TRUECOLOR
        text = memory.paint(patches(update), screen._compositor.size, depth)
        # Where a person types, terminals show what is being composed.
        if self.screen.focused is not None:
            text += memory.point(self.screen.outer_size.clamp_offset(self.cursor_position))
        return text

    def _write(self, text: str) -> None:
        if text and self._driver is not None:
            whole = self._sync_available and len(text) > ONE_PIECE
            self._driver.write(f"{TOGETHER}{text}{DONE}" if whole else text)
            self._driver.flush()
