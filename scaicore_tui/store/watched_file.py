"""Notices that an open file is no longer the one under its name: what is written to it then is lost at the end."""

from __future__ import annotations

from pathlib import Path

from scaicore_tui.store.failures import IN_MEMORY


class WatchedFile:
    """Watches the file in `path`. `trouble` says that it was deleted or replaced; empty while it is the same file."""

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        self._path = path
        self._found: tuple[int, int] | None = None
        self._found = self._inode()

    def look(self) -> bool:
        """Return whether the file was deleted or replaced. That is final: the program has to start again."""
        found = self._inode()
        if self.trouble or found == self._found:
            return bool(self.trouble)
        done = "replaced by another file" if found else "deleted"
        self.trouble = f"{self._path} was {done} while in use · {IN_MEMORY} until the program starts again"
        return True

    def _inode(self) -> tuple[int, int] | None:
        """Return device and inode; None if there is no file, the former ones if that can't be found out."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return self._found
        return found.st_dev, found.st_ino
