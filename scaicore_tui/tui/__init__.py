"""The terminal app of the debugger. Importing this package loads Textual."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import TYPE_CHECKING

from scaicore_tui.config.ui import KeyTable, UiTable
from scaicore_tui.session import Session
from scaicore_tui.tui.app import RUN_DEMO, DebuggerApp
from scaicore_tui.tui.configured import parse_changes
from scaicore_tui.tui.keymap import use_keys
from scaicore_tui.tui.profile_switcher import Profiles

if TYPE_CHECKING:
    from scaicore_tui.runs.deep_link import DeepLink

__all__ = ["RUN_DEMO", "DebuggerApp", "run_app", "tune_interpreter"]

# A short interval, so that the UI thread soon gets the interpreter back from a working thread.
THREAD_SWITCH_INTERVAL_S = 0.001


async def run_app(
    session: Session | None,
    *,
    ascii_only: bool = False,
    banner: str = "",
    no_colour: bool = False,
    low_bandwidth: bool = False,
    notify: bool = False,
    profiles: Profiles | None = None,
    notice: str = "",
    ui: UiTable | None = None,
    keys: KeyTable | None = None,
    link: DeepLink | None = None,
) -> int:
    """Run the app until it is quit or cancelled, and restore the terminal in either case.

    `notice` is shown at the start, and the run of `link` opened once it is known. `ui` is how the app looks without a
    session, `keys` are the keys that the configuration changes; both were checked. Returns 0, or `RUN_DEMO` if there
    was no session and the demo was chosen. Raises the exception that the app failed with.
    """
    if no_colour:
        # Textual only turns colours off by this variable.
        os.environ["NO_COLOR"] = "1"
    tune_interpreter()
    use_keys(parse_changes(keys or {})[0])
    if session is not None:
        ui = session.target.ui
        await asyncio.to_thread(session.screen.load)
    app = DebuggerApp(
        session,
        ascii_only=ascii_only,
        banner=banner,
        no_colour=no_colour,
        low_bandwidth=low_bandwidth,
        notify=notify,
        profiles=profiles,
        notice=notice,
        theme=None if ui is None else ui.theme,
        link=link,
    )
    # A mouse sends a report for each cell that it crosses.
    has_mouse = not low_bandwidth and (ui is None or ui.mouse is not False)
    running = asyncio.create_task(app.run_async(mouse=has_mouse))
    try:
        result = await asyncio.shield(running)
    except asyncio.CancelledError:
        # The app ends by itself, so that nothing is interrupted halfway.
        app.exit()
        await running
        raise
    finally:
        await app.shut_down()
    if app.failure is not None:
        raise app.failure
    return result if result is not None else (app.return_code or 0)


def tune_interpreter() -> None:
    """Tune the interpreter for a UI thread beside a working thread.

    Objects loaded so far are excluded from garbage collection, and threads are switched more often: both delay keys.
    """
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
