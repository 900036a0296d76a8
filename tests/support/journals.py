"""Journals of both kinds, for tests that are to hold for either: in a file, and on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from scaicore_tui.store import Journal


class Place(Protocol):
    """Where one journal is: it can be opened again and again."""

    def open(self) -> Journal:
        """Open the journal for writing, or create it."""

    def open_readonly(self) -> Journal:
        """Open the journal for reading."""


class Journals(Protocol):
    """Makes journals of one kind."""

    kind: str

    def place(self, folder: Path) -> Place:
        """Return a new place, in `folder` if it is a file."""

    def emptied_place(self, folder: Path) -> Place:
        """Return the same as `place`; if it is not a file, the same place each time, without its former content."""

    @contextmanager
    def scratch(self) -> Iterator[Journal]:
        """Yield an empty journal that is gone afterwards. Only one at a time."""
        raise NotImplementedError

    def lose_connection(self, journal: Journal) -> None:
        """End the connection of the writer, as a crash of the server would."""


class FilePlace:
    """A journal in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> Journal:
        return Journal.open(self.path)

    def open_readonly(self) -> Journal:
        return Journal.open_readonly(self.path)


class FileJournals:
    """Journals in files."""

    kind = "sqlite"

    def place(self, folder: Path) -> FilePlace:
        return FilePlace(folder / "j")

    def emptied_place(self, folder: Path) -> FilePlace:
        return self.place(folder)

    @contextmanager
    def scratch(self) -> Iterator[Journal]:
        with Journal.in_memory() as journal:
            yield journal

    def lose_connection(self, journal: Journal) -> None:
        raise NotImplementedError("a file has no connection")
