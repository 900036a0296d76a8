"""The screen: the Textual app of the debugger. Importing this is what loads Textual."""

from __future__ import annotations

from collections.abc import Callable

from scaicore_tui.session import Session
from scaicore_tui.tui.app import RUN_DEMO, DebuggerApp

__all__ = ["RUN_DEMO", "DebuggerApp", "run_app"]


def run_app(
    session: Session | None,
    *,
    ascii_only: bool = False,
    banner: str = "",
    low_colour: bool = False,
    start_demo: Callable[[], Session] | None = None,
) -> int:
    """Run the app until it is quit; the session is closed with it.

    Returns 0, or `RUN_DEMO` where there was no session and the demo was asked for.
    """
    app = DebuggerApp(session, ascii_only=ascii_only, banner=banner, low_colour=low_colour, start_demo=start_demo)
    result = app.run()
    return result if result is not None else (app.return_code or 0)
