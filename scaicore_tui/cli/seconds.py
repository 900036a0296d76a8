"""Parse times on the command line: `2s`, `500ms`, or a number of seconds."""

from __future__ import annotations

import re

import typer

_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|)", re.ASCII)


def seconds(said: str | float) -> float:
    """Return the time in seconds.

    Raises:
        BadParameter: the text is not a time.
    """
    found = _TIME.fullmatch(str(said))
    if found is None:
        raise typer.BadParameter(f"{said!r} is not a time such as 2s or 500ms")
    return float(found[1]) * _UNITS[found[2]]
