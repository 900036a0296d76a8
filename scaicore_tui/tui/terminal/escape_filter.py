"""The escape sequences that this program may write to a terminal, and the filter that removes all others. Pure.

The filter is the last defence: text from the API is sanitized where it is displayed, and cells hold no control
characters. If one gets past both, it is removed here.
"""

from __future__ import annotations

import re

# Modes set at the start and reset at the end: line wrap, cursor, mouse, focus, alternate screen, bracketed paste,
# synchronized output and in-band resize.
_MODES = "7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048"
# The text of a desktop notification: "1 failed, 2 waiting".
_COUNTS = r"\d+ [a-z ]+(?:, \d+ [a-z ]+)?"
_BASE64 = "[A-Za-z0-9+/]*=*"
_SEQUENCES = "|".join(
    (
        r"[\x08\x0b]",  # cursor one cell back, or one line down
        r"\x1b\[[\d;]*[ABCDGHm]",  # cursor movement; SGR
        rf"\x1b\[\?(?:{_MODES})[hl]",
        r"\x1b\[\?(?:2026|2048)\$p",  # asks if the terminal supports a mode
        r"\x1b\[(?:>\d+|<)u",  # kitty keyboard protocol
        r"\x1b\]22;[a-z-]*\x07",  # mouse pointer shape
        rf"\x1b\]52;c;{_BASE64}\x07",  # clipboard, then the same through tmux and GNU screen
        rf"\x1bPtmux;\x1b\x1b\]52;c;{_BASE64}\x07\x1b\\",
        r"\x1bP\x1b\]52;c;(?:[A-Za-z0-9+/=]|\x1b\\\x1bP)*+\x07\x1b\\",
        # bell and desktop notification
        rf"\x07\x1b\](?:9;scaicore-tui: |777;notify;scaicore-tui;){_COUNTS}\x1b\\",
    )
)
# Possessive quantifiers: the time is linear in the length of the text.
_ALLOWED = rf"(?:[^\x00-\x1f\x7f-\x9f\ud800-\udfff]++|{_SEQUENCES})"
_EACH_ALLOWED, _ONLY_ALLOWED = re.compile(_ALLOWED), re.compile(rf"{_ALLOWED}*+")


def filter_escapes(text: str) -> str:
    """Return `text` without control characters and escape sequences that are not allowed."""
    return text if _ONLY_ALLOWED.fullmatch(text) else "".join(_EACH_ALLOWED.findall(text))
