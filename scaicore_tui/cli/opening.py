"""Opens the app: on the configured API, on nothing yet, or on the demo."""

from __future__ import annotations

from scaicore_tui.cli.common import Common
from scaicore_tui.cli.demo import demo_process
from scaicore_tui.cli.sessions import target_of, watching

DEMO_SEED = 7
DEMO_RATE = 6.0


def open_app(common: Common) -> int:
    """The app on what is configured; without any configuration a screen that says so, and offers the demo."""
    target = target_of(common)
    if target is None:
        return _open_unconfigured(common)
    from scaicore_tui.tui import run_app

    return run_app(watching(common, target), ascii_only=common.ascii, banner=target.name)


def _open_unconfigured(common: Common) -> int:
    from scaicore_tui.tui import RUN_DEMO, run_app

    code = run_app(None, ascii_only=common.ascii)
    return open_demo(common, DEMO_SEED, DEMO_RATE) if code == RUN_DEMO else code


def open_demo(common: Common, seed: int, rate: float) -> int:
    """The app on a demo of its own, which ends with it and leaves nothing behind."""
    with demo_process(seed, rate) as target:
        from scaicore_tui.session import Session
        from scaicore_tui.tui import run_app

        return run_app(Session(target), ascii_only=common.ascii, banner="demo")
