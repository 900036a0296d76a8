"""What the app takes from the environment: it needs a terminal that can move its cursor, and of the variables that its
libraries would read only those that are meant for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

from scaicore_tui.errors import UsageError

# Terminals that can't move their cursor.
_DUMB_TERMS = ("dumb", "unknown")
_SIZE_VARIABLES = ("COLUMNS", "LINES")
# Where a terminal does not know its size, that of no larger one is believed.
MAX_CELLS = 2_000
_TEXTUAL_PREFIX = "TEXTUAL"
_HINT = "without the app: scaicore-tui runs"


def require_terminal(env: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError where there is no terminal: an app that reads no keys can't be left."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the app needs a terminal to read from and one to draw on", hint=_HINT)
    term = env.get("TERM", "")
    if term in _DUMB_TERMS:
        raise UsageError(
            f"TERM is {term}: a terminal that can't move its cursor, which the app needs",
            hint=f"set TERM, such as xterm-256color; {_HINT}",
        )


def ignored_variables(env: Mapping[str, str]) -> list[str]:
    """The variables that Textual would read: a driver, a log, even keys to press. They are for who develops an app."""
    return sorted(name for name in env if name == _TEXTUAL_PREFIX or name.startswith(f"{_TEXTUAL_PREFIX}_"))


def clean_environment(env: MutableMapping[str, str] = os.environ) -> None:
    """Take out what would mislead the app. Called before Textual is loaded, which reads its variables then."""
    for name in ignored_variables(env):
        del env[name]
    for name in _SIZE_VARIABLES:
        if name in env and (_knows_its_size() or not _is_size(env[name])):
            del env[name]


def _knows_its_size() -> bool:
    """Whether the terminal tells its size: exported ones are of another terminal, or of before it was resized."""
    try:
        size = os.get_terminal_size(sys.stdin.fileno())
    except (OSError, ValueError):
        return False
    return min(size) > 0


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_CELLS)) and 0 < int(text) <= MAX_CELLS
