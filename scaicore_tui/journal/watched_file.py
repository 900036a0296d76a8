"""Notices that an open file is no longer the one under its name: what is written to it then is lost at the end."""

from __future__ import annotations

from pathlib import Path

from scaicore_tui.journal.failures import IN_MEMORY


class WatchedFile:
    """The file that was in `path` when this was made. `trouble` says what became of it; empty while it is there."""

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        self._path = path
        self._found: tuple[int, int] | None = None
        self._found = self._inode()

    def look(self) -> bool:
        """Return whether it was deleted or replaced. Nothing brings it back: the program has to start again."""
        found = self._inode()
        if self.trouble or found == self._found:
            return bool(self.trouble)
        done = "replaced by another file" if found else "deleted"
        self.trouble = f"{self._path} was {done} while in use · {IN_MEMORY}: start again to keep it"
        return True

    def _inode(self) -> tuple[int, int] | None:
        """What names the file itself; None where there is none, what it was before where that can't be told."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return self._found
        return found.st_dev, found.st_ino
