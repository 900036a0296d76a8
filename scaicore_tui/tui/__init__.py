"""The screen: the Textual app of the debugger. Importing this is what loads Textual."""

from __future__ import annotations

import gc
import os

from scaicore_tui.session import Session
from scaicore_tui.tui.app import RUN_DEMO, DebuggerApp

__all__ = ["RUN_DEMO", "DebuggerApp", "run_app", "spare_the_loaded"]


def run_app(
    session: Session | None,
    *,
    ascii_only: bool = False,
    banner: str = "",
    no_colour: bool = False,
) -> int:
    """Run the app until it is quit; the session is closed with it.

    Returns 0, or `RUN_DEMO` where there was no session and the demo was asked for.
    """
    if no_colour:
        # Textual reads this, and nothing else, to leave all colours out.
        os.environ["NO_COLOR"] = "1"
    spare_the_loaded()
    app = DebuggerApp(session, ascii_only=ascii_only, banner=banner, no_colour=no_colour)
    result = app.run()
    return result if result is not None else (app.return_code or 0)


def spare_the_loaded() -> None:
    """What was loaded stays: the collector need not walk through it again and again, with a key waiting for it."""
    gc.freeze()
