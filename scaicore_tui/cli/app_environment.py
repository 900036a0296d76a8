"""Check the terminal for the app, and remove environment variables that would mislead Textual."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

from scaicore_tui.errors import UsageError

# Values of TERM of terminals that cannot move their cursor.
_DUMB_TERMS = ("dumb", "unknown")
_SIZE_VARIABLES = ("COLUMNS", "LINES")
# If a terminal does not know its size, COLUMNS and LINES are used up to this size.
MAX_CELLS = 2_000
_TEXTUAL_PREFIX = "TEXTUAL"
_HINT = "scaicore-tui runs works without the app"


def require_terminal(env: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError if there is no terminal that can move its cursor. Without keys, nobody could quit the app."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the app needs a terminal to read from and one to draw on", hint=_HINT)
    term = env.get("TERM", "")
    if term in _DUMB_TERMS:
        raise UsageError(
            f"the app cannot run with TERM={term}: this terminal cannot move its cursor",
            hint=f"set TERM, for example to xterm-256color; {_HINT}",
        )


def ignored_variables(env: Mapping[str, str]) -> list[str]:
    """Return the set variables that Textual reads: driver, log, even keys to press. They are for developers of apps."""
    return sorted(name for name in env if name == _TEXTUAL_PREFIX or name.startswith(f"{_TEXTUAL_PREFIX}_"))


def clean_environment(env: MutableMapping[str, str] = os.environ) -> None:
    """Remove variables that would mislead the app. Must be called before Textual is imported, which reads them."""
    for name in ignored_variables(env):
        del env[name]
    for name in _SIZE_VARIABLES:
        if name in env and (_knows_its_size() or not _is_size(env[name])):
            del env[name]


def _knows_its_size() -> bool:
    """Return True if the terminal reports its size. Then COLUMNS and LINES may be outdated."""
    try:
        size = os.get_terminal_size(sys.stdin.fileno())
    except (OSError, ValueError):
        return False
    return min(size) > 0


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_CELLS)) and 0 < int(text) <= MAX_CELLS
