"""A file of JSON lines, an event on each, as `events --json` prints them: read into runs, and never written.

Its events stay in the file: of each run it is known where they stand.
"""

from __future__ import annotations

import shlex
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from scaicore_tui.decoding import UTF8_BOM, has_wide_bom
from scaicore_tui.errors import ConfigError, NotFound
from scaicore_tui.protocol import Event, decode_event, envelope, lenient_json
from scaicore_tui.runs import RunIndex, RunProjector
from scaicore_tui.store.failures import require_file
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.summaries import read_pending
from scaicore_tui.store.writer import JournalWriter

SQLITE_MAGIC = b"SQLite format 3\0"
# Lines that are folded in one go.
BATCH_LINES = 5_000


def is_jsonl(path: Path) -> bool:
    """Whether there is a file in `path` that is no SQLite database, and begins like JSON lines.

    Raises StorageError where it can't be read, ConfigError for text that is not UTF-8: PowerShell writes such files.
    """
    try:
        require_file(path, "journal")
    except NotFound:
        return False
    with path.open("rb") as file:
        begin = file.read(len(SQLITE_MAGIC))
    if has_wide_bom(begin):
        fix = f"iconv -f UTF-16 -t UTF-8 {shlex.quote(str(path))}"
        raise ConfigError(f"{path} is UTF-16, and events are read as UTF-8", effect="nothing was changed", hint=fix)
    return begin != SQLITE_MAGIC and begin.removeprefix(UTF8_BOM).lstrip()[:1] == b"{"


class JsonlRecording:
    """The events of one file. Raises NotFound."""

    def __init__(self, path: Path) -> None:
        require_file(path, "file")
        self._path = path
        self._offsets: dict[str, array[int]] = {}
        self._index = RunIndex(self._history)

    @cached_property
    def index(self) -> RunIndex:
        """Its runs. Raises ConfigError that names a bad line."""
        # To fold a run anew is to look for its lines all over the file: those that are not over are all held.
        folder = RunProjector(self._history, max_runs=2**62)
        place = 0
        with self._path.open("rb") as file:
            stream = read_events(file, self._path)
            while some := list(islice(stream, BATCH_LINES)):
                events = [event for _, event in some]
                self._index.apply(folder.apply(events, place))
                self._note_offsets(some)
                place += len(events)
        return self._index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It holds nothing open."""

    @property
    def newest_at(self) -> int:
        """The time of the newest event of any run, in microseconds since 1970; 0 where there is none."""
        return max((summary.last_event_at or 0 for summary in self.index.order), default=0)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in the file's order."""
        if execution_id is not None:
            yield from (event for _, event in self._history(execution_id))
            return
        with self._path.open("rb") as file:
            yield from (event for _, event in read_events(file, self._path))

    def _note_offsets(self, some: Iterable[tuple[int, Event]]) -> None:
        """Note where events stand, once their runs were folded."""
        for offset, event in some:
            execution_id = event.execution_id
            if execution_id is not None:
                self._offsets.setdefault(execution_id, array("Q")).append(offset)

    def _history(self, execution_id: str) -> list[tuple[int, Event]]:
        offsets = self._offsets.get(execution_id)
        if offsets is None:
            return []
        place = self._index.summaries[execution_id].position
        with self._path.open("rb") as file:
            return [(place + number, decode_event(_line_at(file, offset))) for number, offset in enumerate(offsets)]


def _line_at(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.readline().strip()


def read_events(file: Iterable[bytes], path: Path) -> Iterator[tuple[int, Event]]:
    """Each event with where its line begins. Empty lines are none, nor is a last one that is still being written.

    Raises ConfigError that names the bad line.
    """
    offset = 0
    for number, line in enumerate(file, 1):
        if number == 1 and line.startswith(UTF8_BOM):
            offset, line = len(UTF8_BOM), line[len(UTF8_BOM) :]
        source = line.strip()
        if source:
            event = decode_event(source)
            if not event.is_complete and not lenient_json.is_single_value(envelope.decode(source)):
                if not line.endswith(b"\n"):
                    return
                raise ConfigError(f"{path}, line {number}: no JSON", effect="nothing was changed")
            yield offset, event
        offset += len(line)


BATCH_RUNS = 500


class Recording(Protocol):
    """Runs as they were when it was opened, and the time of their newest event, in microseconds since 1970."""

    @property
    def newest_at(self) -> int: ...

    @property
    def index(self) -> RunIndex: ...

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in feed order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class JournalRecording:
    """What a journal holds; which runs wait is what was pending at its latest look."""

    def __init__(self, path: Path) -> None:
        self._journal = open_readonly(path)
        self._last_position = self._journal.next_position - 1
        self.newest_at = self._journal.newest_at()
        self.events = self._journal.events

    @cached_property
    def index(self) -> RunIndex:
        """Its runs."""
        book = RunIndex(lambda execution_id: self._journal.history(execution_id, self._last_position))
        book.event_count, book.gaps = len(self._journal), self._journal.gaps()
        intake = JournalWriter(self._journal)
        intake.prepare()
        while stored := intake.next_summaries(BATCH_RUNS):
            book.load(stored)
        book.set_pending(read_pending(self._journal))
        return book

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()


def open_recording(path: Path) -> Recording:
    """What is in `path`. Raises NotFound, or ConfigError where it is neither journal nor lines."""
    return JsonlRecording(path) if is_jsonl(path) else JournalRecording(path)


def open_readonly(path: Path) -> Journal:
    """The journal in `path`, to read only, with summaries of all its runs. What has none of today's is copied first.

    Raises NotFound, or ConfigError where it is neither journal nor lines.
    """
    if is_jsonl(path):
        return _load_jsonl(path)
    journal = Journal.open_readonly(path)
    if journal.is_complete:
        return journal
    journal.close()
    return Journal.open_copy(path)


def _load_jsonl(path: Path) -> Journal:
    """A journal of the events of a file of lines, which leaves nothing behind."""
    journal = Journal.in_memory()
    intake = JournalWriter(journal)
    with path.open("rb") as file:
        lines = read_events(file, path)
        while some := _without_offsets(islice(lines, BATCH_LINES)):
            intake.append_new(some)
    return journal


def _without_offsets(lines: Iterator[tuple[int, Event]]) -> Sequence[Event]:
    return [event for _, event in lines]
