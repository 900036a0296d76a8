"""The way in. `--version` answers before anything else is loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        from scaicore_tui import __version__
        from scaicore_tui.cli.output import line

        line(f"scaicore-tui {__version__}")
        return
    from scaicore_tui.cli.app import run

    run()


if __name__ == "__main__":
    main()
