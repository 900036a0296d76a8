"""Find the terminal modes that a program has left changed, from the bytes that it wrote."""

from __future__ import annotations

import re

# On by default: lines wrap, the cursor is visible.
DEFAULT_MODES = frozenset({7, 25})

_SEQUENCE = re.compile(rb"\x1b\[(?:\?(?P<modes>[\d;]+)(?P<on>[hl])|(?P<push>>\d+u)|(?P<pop><\d*u)|(?P<pen>[\d;:]*)m)")


def changed_modes(output: bytes) -> dict[str, object]:
    """Return the modes that differ from the default, the keyboard modes that were not removed, and the last style."""
    on, keyboards, pen = set(DEFAULT_MODES), 0, b""
    for found in _SEQUENCE.finditer(output):
        if found["modes"]:
            modes = {int(mode) for mode in found["modes"].split(b";")}
            on = on | modes if found["on"] == b"h" else on - modes
        elif found["push"] or found["pop"]:
            keyboards += 1 if found["push"] else -1
        else:
            pen = found["pen"].strip(b"0")
    found_changes = {"modes": on ^ DEFAULT_MODES, "keyboards": keyboards, "pen": pen}
    return {name: value for name, value in found_changes.items() if value}


def output_after_screen(output: bytes) -> bytes:
    """Return the text that was written after the alternate screen was left for the last time."""
    return _SEQUENCE.sub(b"", output.rpartition(b"\x1b[?1049l")[2])
