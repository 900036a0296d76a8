"""The driver that knows what its terminal shows, and sends it nothing but our own sequences.

It leaves the terminal with no colour of ours.
"""

from __future__ import annotations

import sys
from typing import Any

from textual.app import App
from textual.driver import Driver

from scaicore_tui.tui.terminal.memory import ScreenMemory
from scaicore_tui.tui.terminal.pens import RESET
from scaicore_tui.tui.terminal.permitted import permitted

if sys.platform != "win32":
    from textual.drivers.linux_driver import LinuxDriver

    class RememberingDriver(LinuxDriver):
        """A terminal, and the memory of what was written to it while it was ours."""

        def __init__(
            self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
        ) -> None:
            super().__init__(app, debug=debug, mouse=mouse, size=size)
            self.memory = ScreenMemory()

        def write(self, data: str) -> None:
            """All output passes here, Textual's own too."""
            super().write(permitted(data))

        def start_application_mode(self) -> None:
            """Also after another program had the terminal."""
            self.memory.forget()
            super().start_application_mode()  # type: ignore[no-untyped-call]

        def stop_application_mode(self) -> None:
            """Also before another program gets the terminal."""
            self.memory.forget()
            self.write(RESET)
            super().stop_application_mode()


def memory_of(driver: Driver | None) -> ScreenMemory | None:
    """What that driver remembers; None where it doesn't: on Windows, or without a terminal."""
    return getattr(driver, "memory", None)


def remembering(usual: type[Driver]) -> type[Driver]:
    """The driver to use in place of the `usual` one."""
    if sys.platform != "win32" and usual is LinuxDriver:
        return RememberingDriver
    return usual
