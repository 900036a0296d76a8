"""The way in. `--version` answers before anything else is loaded."""

from __future__ import annotations

import gc
import os
import sys

# Set by a shell that wants completions: they are typer's.
COMPLETION = "_SCAICORE_TUI_COMPLETE"


def main() -> None:
    """Run the command line, and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        from scaicore_tui import __version__
        from scaicore_tui.cli.output import line

        line(f"scaicore-tui {__version__}")
        return
    if not sys.argv[1:] and COMPLETION not in os.environ:
        # Nothing to parse: the app is up sooner without what parses. What is loaded is no garbage: nobody need look.
        gc.disable()
        from scaicore_tui.cli.diagnostics import guarded
        from scaicore_tui.cli.flags import Common
        from scaicore_tui.cli.opening import open_app

        sys.exit(guarded(lambda: open_app(Common())))
    from scaicore_tui.cli.app import run

    run()


if __name__ == "__main__":
    main()
