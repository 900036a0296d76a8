"""Puts a text into the clipboard of the terminal, wherever that is: OSC 52, which also works over SSH. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping

# Terminals take a sequence of 100,000 bytes: in base64, so many bytes of text (hterm's osc52.sh).
MOST_BYTES = 74_994
# GNU screen passes on strings of 768 bytes, of which four are the wrapping.
_SCREEN_CHUNK = 764


def clipboard_sequence(data: bytes, environment: Mapping[str, str]) -> str:
    """What makes the terminal's clipboard hold `data`.

    A terminal within the terminal gets it bare and wrapped (in tmux each escape twice): which of the two tmux passes on
    is a setting (`set-clipboard`, `allow-passthrough`), and GNU screen knows only the second.
    """
    bare = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    kind = environment.get("TERM", "")
    if "TMUX" in environment or kind.startswith("tmux"):
        return f"{bare}\x1bPtmux;\x1b{bare}\x1b\\"
    if "STY" in environment or kind.startswith("screen"):
        chunks = (bare[at : at + _SCREEN_CHUNK] for at in range(0, len(bare), _SCREEN_CHUNK))
        return bare + "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return bare
