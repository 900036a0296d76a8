"""What a person copies goes into the clipboard of their terminal; what is too long for that, into a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from scaicore_tui.config import copied_file
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.lock import OWNER_ONLY_FOLDER
from scaicore_tui.tui.messages import CopyText, TextCopied
from scaicore_tui.tui.terminal.clipboard import MOST_BYTES, clipboard_sequence


def copy(request: CopyText, write: Callable[[str], None]) -> TextCopied:
    """Copy a text; `write` sends a sequence to the terminal. Says where the text is."""
    data = request.text.encode("utf-8", "backslashreplace")
    if len(data) <= MOST_BYTES:
        write(clipboard_sequence(data, os.environ))
        return TextCopied(f"copied {request.what}")
    too_long = f"{request.what}: {len(data):,} bytes are too many for a terminal's clipboard"
    try:
        return TextCopied(f"{too_long} · they are in {_kept(data)}", "amber")
    except OSError as error:
        failure = ScaicoreError(too_long, kept="nothing was copied", hint=f"no file was made: {error.strerror}")
        return TextCopied(str(failure), "red")


def _kept(data: bytes) -> Path:
    """The file that holds it, for its owner alone, in place of what was copied before."""
    path = copied_file()
    path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    # Made with no right for anybody else.
    made, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(made, "wb") as file:
            file.write(data)
        return Path(name).replace(path)
    except OSError:
        # A part of it would only take the room that is missing.
        Path(name).unlink(missing_ok=True)
        raise
