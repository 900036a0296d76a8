"""A file of JSON lines, an event on each, as `events --json` prints them: read into runs, and never written.

Its events stay in the file: of each run it is known where they stand.
"""

from __future__ import annotations

import shlex
from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

from scaicore_tui.decoding import UTF8_MARK, is_wide
from scaicore_tui.errors import ConfigError, NotFound
from scaicore_tui.journal.failures import require_file
from scaicore_tui.runs import Folder, RunBook
from scaicore_tui.wire import Event, raw, read_stored, walk

SQLITE = b"SQLite format 3\0"
# Lines that are folded in one go.
SLICE = 5_000


def is_lines(path: Path) -> bool:
    """Whether there is a file in `path` that is no SQLite database, and begins like JSON lines.

    Raises StorageError where it can't be read, ConfigError for text that is not UTF-8: PowerShell writes such files.
    """
    try:
        require_file(path, "journal")
    except NotFound:
        return False
    with path.open("rb") as file:
        begin = file.read(len(SQLITE))
    if is_wide(begin):
        fix = f"iconv -f UTF-16 -t UTF-8 {shlex.quote(str(path))}"
        raise ConfigError(f"{path} is UTF-16, and events are read as UTF-8", kept="nothing was changed", hint=fix)
    return begin != SQLITE and begin.removeprefix(UTF8_MARK).lstrip()[:1] == b"{"


class Lines:
    """The events of one file. Raises NotFound."""

    def __init__(self, path: Path) -> None:
        require_file(path, "file")
        self._path = path
        self._offsets: dict[str, array[int]] = {}
        self._book = RunBook(self._history)

    @cached_property
    def book(self) -> RunBook:
        """Its runs. Raises ConfigError that names a bad line."""
        # To fold a run anew is to look for its lines all over the file: those that are not over are all held.
        folder = Folder(self._history, room=2**62)
        place = 0
        with self._path.open("rb") as file:
            stream = read_lines(file, self._path)
            while some := list(islice(stream, SLICE)):
                events = [event for _, event in some]
                self._book.take(folder.news(events, place))
                self._note(some)
                place += len(events)
        return self._book

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It holds nothing open."""

    @property
    def newest_at(self) -> int:
        """The time of the newest event of any run, in microseconds since 1970; 0 where there is none."""
        return max((summary.last_event_at or 0 for summary in self.book.order), default=0)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in the file's order."""
        if execution_id is not None:
            yield from (event for _, event in self._history(execution_id))
            return
        with self._path.open("rb") as file:
            yield from (event for _, event in read_lines(file, self._path))

    def _note(self, some: Iterable[tuple[int, Event]]) -> None:
        """Note where events stand, once their runs were folded."""
        for offset, event in some:
            execution_id = event.execution_id
            if execution_id is not None:
                self._offsets.setdefault(execution_id, array("Q")).append(offset)

    def _history(self, execution_id: str) -> list[tuple[int, Event]]:
        offsets = self._offsets.get(execution_id)
        if offsets is None:
            return []
        place = self._book.summaries[execution_id].place
        with self._path.open("rb") as file:
            return [(place + number, read_stored(_line_at(file, offset))) for number, offset in enumerate(offsets)]


def _line_at(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.readline().strip()


def read_lines(file: Iterable[bytes], path: Path) -> Iterator[tuple[int, Event]]:
    """Each event with where its line begins. Empty lines are none, nor is a last one that is still being written.

    Raises ConfigError that names the bad line.
    """
    offset = 0
    for number, line in enumerate(file, 1):
        if number == 1 and line.startswith(UTF8_MARK):
            offset, line = len(UTF8_MARK), line[len(UTF8_MARK) :]
        source = line.strip()
        if source:
            event = read_stored(source)
            if not event.is_whole and not walk.is_one(raw.decode(source)):
                if not line.endswith(b"\n"):
                    return
                raise ConfigError(f"{path}, line {number}: no JSON", kept="nothing was changed")
            yield offset, event
        offset += len(line)
