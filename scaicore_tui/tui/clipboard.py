"""Copies text to the clipboard of the terminal, with OSC 52, which also works over SSH.

A text that is too long for that is written to a file instead.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from scaicore_tui.config import copied_file
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.lock import OWNER_ONLY_FOLDER
from scaicore_tui.tui.messages import CopyText, TextCopied

# Terminals accept a sequence of 100,000 bytes, which is this much text in base64 (hterm's osc52.sh).
MAX_CLIPBOARD_BYTES = 74_994
# GNU screen passes strings of up to 768 bytes on, four of which are the wrapping.
_SCREEN_CHUNK_BYTES = 764


def copy(request: CopyText, write: Callable[[str], None]) -> TextCopied:
    """Copy a text, and return the notice that says where it is. `write` sends a sequence to the terminal."""
    data = request.text.encode("utf-8", "backslashreplace")
    if len(data) <= MAX_CLIPBOARD_BYTES:
        write(clipboard_sequence(data, os.environ))
        # A terminal does not answer: it may ignore the sequence, or not be allowed to set the clipboard.
        return TextCopied(f"sent to the terminal's clipboard: {request.label}")
    too_long = f"{request.label}: {len(data):,} bytes are too many for a terminal's clipboard"
    try:
        return TextCopied(f"{too_long} · saved to {_save(data)}", "amber")
    except OSError as error:
        failure = ScaicoreError(too_long, effect="nothing was copied", hint=f"cannot write a file: {error.strerror}")
        return TextCopied(str(failure), "red")


def clipboard_sequence(data: bytes, environment: Mapping[str, str]) -> str:
    """Return the sequence that sets the terminal's clipboard to `data`.

    Inside tmux and GNU screen the sequence is sent bare and wrapped (in tmux each escape twice): which of the two tmux
    passes on is a setting (`set-clipboard`, `allow-passthrough`), and GNU screen only knows the second.
    """
    bare = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    term = environment.get("TERM", "")
    if "TMUX" in environment or term.startswith("tmux"):
        return f"{bare}\x1bPtmux;\x1b{bare}\x1b\\"
    if "STY" in environment or term.startswith("screen"):
        chunks = (bare[at : at + _SCREEN_CHUNK_BYTES] for at in range(0, len(bare), _SCREEN_CHUNK_BYTES))
        return bare + "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return bare


def _save(data: bytes) -> Path:
    """Write the file that holds the copied text, readable by its owner alone, and return its path."""
    path = copied_file()
    path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    # `mkstemp` creates a file that only its owner can read.
    fd, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        return Path(name).replace(path)
    except OSError:
        # An incomplete file would only take the space that is missing.
        Path(name).unlink(missing_ok=True)
        raise
