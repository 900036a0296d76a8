"""Entry point of the program. Loads only what the command line needs: `--version` loads nothing else."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Mapping

# Environment variable by which a shell asks Typer for completions.
COMPLETION_VARIABLE = "_SCAICORE_TUI_COMPLETE"


def main() -> None:
    """Run the command line and exit with its code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # While modules load there is nothing to clean up: let an interrupt end the process without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from scaicore_tui.cli.output import streams

    streams.prepare()
    try:
        code = _run()
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (last resort: nothing above reports errors)
        from scaicore_tui.cli.output.stderr import report_error

        code = report_error(error)
    if code:
        sys.exit(code)


def asks_for_completion(env: Mapping[str, str]) -> bool:
    """Return True if `env` holds a complete request for completions.

    A completion variable left over in the environment must not make every command fail.
    """
    instruction, _, shell = env.get(COMPLETION_VARIABLE, "").partition("_")
    if shell not in ("bash", "zsh", "fish", "powershell", "pwsh") or instruction not in ("source", "complete"):
        return False
    if instruction == "source":
        return True
    if shell == "bash":
        return "COMP_WORDS" in env and env.get("COMP_CWORD", "").isdecimal()
    return "_TYPER_COMPLETE_ARGS" in env


def _run() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        from scaicore_tui import __version__
        from scaicore_tui.cli.output.stdout import line

        line(f"scaicore-tui {__version__}")
        return 0
    from scaicore_tui.cli.options import parse_fast

    if not asks_for_completion(os.environ):
        os.environ.pop(COMPLETION_VARIABLE, None)
    common = None if COMPLETION_VARIABLE in os.environ else parse_fast(sys.argv[1:])
    if common is None:
        from scaicore_tui.cli import main

        return main.main()
    # Imports produce no garbage: collecting while they run only costs time. The app turns collection on again.
    gc.disable()
    from scaicore_tui.cli.command_log import run_command
    from scaicore_tui.cli.commands.app import open_app
    from scaicore_tui.cli.output.stderr import set_quiet

    set_quiet(common.quiet)
    return run_command(common, "app", lambda: open_app(common))


if __name__ == "__main__":
    main()
