"""Find out, from the bytes that a program wrote, which terminal modes it left changed."""

from __future__ import annotations

import re

# On as a terminal comes: lines wrap, the cursor shows.
DEFAULT_MODES = frozenset({7, 25})

_SEQUENCE = re.compile(rb"\x1b\[(?:\?(?P<modes>[\d;]+)(?P<on>[hl])|(?P<push>>\d+u)|(?P<pop><\d*u)|(?P<pen>[\d;:]*)m)")


def changed_modes(output: bytes) -> dict[str, object]:
    """What is not as it was before; empty where all is."""
    on, keyboards, pen = set(DEFAULT_MODES), 0, b""
    for found in _SEQUENCE.finditer(output):
        if found["modes"]:
            modes = {int(mode) for mode in found["modes"].split(b";")}
            on = on | modes if found["on"] == b"h" else on - modes
        elif found["push"] or found["pop"]:
            keyboards += 1 if found["push"] else -1
        else:
            pen = found["pen"].strip(b"0")
    told = {"modes": on ^ DEFAULT_MODES, "keyboards": keyboards, "pen": pen}
    return {what: value for what, value in told.items() if value}


def output_after_screen(output: bytes) -> bytes:
    """The text that was written once the alternate screen was left for the last time."""
    return _SEQUENCE.sub(b"", output.rpartition(b"\x1b[?1049l")[2])
