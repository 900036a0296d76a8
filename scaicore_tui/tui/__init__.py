"""The screen: the Textual app of the debugger. Importing this is what loads Textual."""

from __future__ import annotations

import asyncio
import gc
import os
import sys

from scaicore_tui.session import Session
from scaicore_tui.tui.app import RUN_DEMO, DebuggerApp
from scaicore_tui.tui.profile_switcher import Profiles

__all__ = ["RUN_DEMO", "DebuggerApp", "run_app", "tune_interpreter"]

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
) -> int:
    """Run the app until it is quit, or cancelled; the terminal is left as it was found, whatever happens. `notice` is
    said at the start.

    Returns 0, or `RUN_DEMO` where there was no session and the demo was asked for. Raises what the app failed with.
    """
    if no_colour:
        # Textual reads this, and nothing else, to leave all colours out.
        os.environ["NO_COLOR"] = "1"
    tune_interpreter()
    app = DebuggerApp(
        session,
        ascii_only=ascii_only,
        banner=banner,
        no_colour=no_colour,
        low_bandwidth=low_bandwidth,
        notify=notify,
        profiles=profiles,
        notice=notice,
    )
    # A mouse tells of each cell that it crosses.
    running = asyncio.create_task(app.run_async(mouse=not low_bandwidth))
    try:
        result = await asyncio.shield(running)
    except asyncio.CancelledError:
        # Its own way out, and not one out of the middle of whatever it does.
        app.exit()
        await running
        raise
    finally:
        await app.shut_down()
    if app.failure is not None:
        raise app.failure
    return result if result is not None else (app.return_code or 0)


def tune_interpreter() -> None:
    """Set the interpreter up for a screen beside a thread that works.

    What was loaded stays: the collector need not walk through it again and again, with a key waiting for it. And each
    time that the screen lets go of the interpreter it waits this long to get it back.
    """
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
