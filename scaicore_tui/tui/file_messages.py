"""Messages about files that runs are written to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from pathlib import Path

    # Loaded with the dialog: the first screen appears sooner.
    from scaicore_tui.session.export_file import FileRequest, WrittenFile


@dataclass(eq=False, repr=False, match_args=False)
class WriteFile(Message):
    """Write runs to a file."""

    request: FileRequest


@dataclass(eq=False, repr=False, match_args=False)
class WriteScreen(Message):
    """Write a picture of the screen to a file, once the dialog is closed."""

    path: Path
    replaces: bool


@dataclass(eq=False, repr=False, match_args=False)
class FileWritten(Message):
    """A file was written, or could not be written."""

    written: WrittenFile
