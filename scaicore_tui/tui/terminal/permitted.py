"""The sequences that this program sends to its terminal. Pure.

The last line of defence, behind which there is only the terminal: whatever is not one of these does not leave the
process, wherever it comes from. Cells hold no control signs in the first place.
"""

from __future__ import annotations

import re

# What is switched on at the start and off at the end: line wrap, cursor, mouse, focus, alternate screen, paste, resize;
# and updates that are shown at once.
_MODES = "7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048"
_BASE64 = "[A-Za-z0-9+/]*=*"
_SEQUENCES = "|".join(
    (
        r"[\x08\x0b]",  # the cursor one cell back, or one down
        r"\x1b\[[\d;]*[ABCDGHm]",  # the cursor elsewhere; another pen
        rf"\x1b\[\?(?:{_MODES})[hl]",
        r"\x1b\[\?(?:2026|2048)\$p",  # whether it knows a mode
        r"\x1b\[(?:>\d+|<)u",  # kitty's keyboard protocol
        r"\x1b\]22;[a-z-]*\x07",  # the shape of the mouse pointer
        rf"\x1b\]52;c;{_BASE64}\x07",  # the clipboard; and through tmux and GNU screen
        rf"\x1bPtmux;\x1b\x1b\]52;c;{_BASE64}\x07\x1b\\",
        r"\x1bP\x1b\]52;c;(?:[A-Za-z0-9+/=]|\x1b\\\x1bP)*+\x07\x1b\\",
    )
)
# Possessive: nothing is ever looked at twice.
_PART = rf"(?:[^\x00-\x1f\x7f-\x9f\ud800-\udfff]++|{_SEQUENCES})"
_PARTS, _ALL = re.compile(_PART), re.compile(rf"{_PART}*+")


def permitted(text: str) -> str:
    """`text` without any control sign or sequence that is not ours."""
    return text if _ALL.fullmatch(text) else "".join(_PARTS.findall(text))
