"""Recordings: the runs of a journal, of a file of JSON lines as `events --json` prints them, or of a report. Read only.

The events of a file of lines stay in the file; of each run, the offsets of its lines are in memory.
"""

from __future__ import annotations

import shlex
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from scaicore_tui.clock import SystemClock
from scaicore_tui.config.journal_url import JournalLocation, JournalUrl
from scaicore_tui.decoding import UTF8_BOM, has_wide_bom
from scaicore_tui.errors import ConfigError, NotFound, StorageError
from scaicore_tui.protocol import Checkpoint, Event, decode_event, envelope, lenient_json
from scaicore_tui.runs import Gap, Run, RunProjector, Summary, only_match, with_status
from scaicore_tui.runs.cache import project
from scaicore_tui.store.changes import read_state
from scaicore_tui.store.failures import require_file
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.pending import read_pending
from scaicore_tui.store.report_file import BEGIN_BYTES, is_report, open_lines
from scaicore_tui.store.servers import read_server_journal
from scaicore_tui.store.slow_runs import read_slow_runs
from scaicore_tui.store.statistics import StoredStatistics
from scaicore_tui.store.stored_runs import FAILED, LATEST, StoredRuns, newest_named
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.store.writer import JournalWriter
from scaicore_tui.timefmt import MICROS_PER_SECOND
from scaicore_tui.units import Micros, Position

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import Query, QueryContext

SQLITE_MAGIC = b"SQLite format 3\0"
# Lines that are applied at a time.
BATCH_LINES = 5_000


def is_event_file(path: JournalLocation) -> bool:
    """Return whether `path` is a file that begins like JSON lines, or an HTML report, which has such lines in it.

    Raises StorageError if it can't be read, ConfigError if it is UTF-16, as PowerShell writes it.
    """
    if isinstance(path, JournalUrl):
        return False
    try:
        require_file(path, "journal")
    except NotFound:
        return False
    with path.open("rb") as file:
        begin = file.read(BEGIN_BYTES)
    if has_wide_bom(begin):
        fix = f"iconv -f UTF-16 -t UTF-8 {shlex.quote(str(path))}"
        raise ConfigError(f"{path} is UTF-16, but events must be UTF-8", effect="nothing was changed", hint=fix)
    return not begin.startswith(SQLITE_MAGIC) and (
        begin.removeprefix(UTF8_BOM).lstrip()[:1] == b"{" or is_report(begin)
    )


class JsonlRecording:
    """The runs and events of a file of JSON lines. Raises NotFound; ConfigError that names the line if one is not JSON.

    All lines are read at once, when runs are first asked for.
    """

    gaps: Sequence[Gap] = ()
    checkpoints: Sequence[Checkpoint] = ()

    def __init__(self, path: Path) -> None:
        require_file(path, "file")
        self._path = path
        # The lines of a report, which are not read from the file again.
        self._lines: bytes | None = None
        self._offsets: dict[str, array[int]] = {}
        self._read: dict[str, Summary] = {}
        self.unreadable_count = 0

    @cached_property
    def _summaries(self) -> dict[str, Summary]:
        """The summaries of all runs, in the order of their first events. Reads the file."""
        # Reading a run again means seeking all over the file: so all unfinished runs are kept.
        projector = RunProjector(self._history, max_runs=2**62)
        position = 0
        with self._open() as file:
            stream = read_events(file, self._path)
            while batch := list(islice(stream, BATCH_LINES)):
                events = [event for _, event in batch]
                delta = projector.apply(events, position)
                self._read |= delta.upserted
                self.unreadable_count += delta.unreadable_count
                self._note_offsets(batch)
                position += len(events)
        return {key: with_status(summary, ()) for key, summary in self._read.items()}

    def summaries(self) -> Iterator[Summary]:
        """Yield the summaries of all runs, newest first."""
        return reversed(self._summaries.values())

    def search(self, query: Query, context: QueryContext) -> Iterator[Summary]:
        """Yield the summaries of the runs that match, newest first."""
        # Loaded when runs are searched: the first screen appears sooner.
        from scaicore_tui.analysis.query import RUNS, RunRow, compile_query
        from scaicore_tui.analysis.query.rows import RunPayloads

        matches = compile_query(query, RUNS, context.now)
        rows = (
            RunRow(summary, context, lambda summary: RunPayloads(self.run(summary))) for summary in self.summaries()
        )
        return (row.summary for row in rows if matches(row))

    def query_context(self, replays: frozenset[str] = frozenset()) -> QueryContext:
        """Return what a query is evaluated with now. Such a file has no checkpoints."""
        return _context_now((), (), replays)

    def read_slow_runs(self) -> Mapping[str, str]:
        """Return the runs that took longer than usual when the file ended. Reads the file again."""
        with _load_jsonl(self._path) as journal:
            return read_slow_runs(journal, self.newest_at, (), ())

    def find_one(self, prefix: str, hint: str = "") -> Summary:
        """Return the only run whose id begins with `prefix`, as `StoredRuns.find_one` does."""
        known = self._summaries
        if prefix in known:
            return known[prefix]
        if prefix in (LATEST, FAILED):
            return only_match(newest_named(prefix, self.summaries()), prefix, len(known), hint)
        found = [row for row in self.summaries() if row.execution_id.startswith(prefix)]
        return only_match(found, prefix, len(known), hint)

    def newest_of_core(self, core_id: str, limit: int) -> Sequence[Summary]:
        """Return the summaries of the newest runs of a Core, newest first."""
        return list(islice((row for row in self.summaries() if row.core_id == core_id), limit))

    def run(self, summary: Summary) -> Run:
        """Return the complete run of `summary`."""
        run, _ = project(summary.execution_id, self._history(summary.execution_id))
        run.status = summary.status
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: no file is kept open."""

    @property
    def newest_at(self) -> Micros:
        """The time of the newest event of any run, in microseconds since 1970; 0 if there is none."""
        return max((summary.last_event_at or 0 for summary in self.summaries()), default=0)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """Yield all events, or those of one run, in the file's order."""
        if execution_id is not None and self._summaries:
            yield from (event for _, event in self._history(execution_id))
            return
        with self._open() as file:
            yield from (event for _, event in read_events(file, self._path))

    def _open(self) -> BinaryIO:
        if self._lines is not None:
            return BytesIO(self._lines)
        file = open_lines(self._path)
        if isinstance(file, BytesIO):
            self._lines = file.getvalue()
        return file

    def _note_offsets(self, batch: Iterable[tuple[Position, Event]]) -> None:
        """Remember the offsets of events, after they were applied to their runs."""
        for offset, event in batch:
            execution_id = event.execution_id
            if execution_id is not None:
                self._offsets.setdefault(execution_id, array("Q")).append(offset)

    def _history(self, execution_id: str) -> list[tuple[Position, Event]]:
        offsets = self._offsets.get(execution_id)
        if offsets is None:
            return []
        position = self._read[execution_id].position
        with self._open() as file:
            return [(position + number, decode_event(_line_at(file, offset))) for number, offset in enumerate(offsets)]


def _line_at(file: BinaryIO, offset: int) -> bytes:
    file.seek(offset)
    return file.readline().strip()


def read_events(file: Iterable[bytes], path: Path) -> Iterator[tuple[Position, Event]]:
    """Yield each event with the offset of its line. Skips empty lines, and a last line that is still being written.

    Raises ConfigError that names the line if one is not JSON.
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
                raise ConfigError(f"{path}, line {number}: not JSON", effect="nothing was changed")
            yield offset, event
        offset += len(line)


class RunSource(Protocol):
    """Runs that can be read one after the other. Its methods block."""

    @property
    def gaps(self) -> Sequence[Gap]:
        """All gaps, oldest first."""

    def summaries(self) -> Iterator[Summary]:
        """Yield the summaries of all runs, newest first."""

    def find_one(self, prefix: str, hint: str = "") -> Summary:
        """Return the only run whose id begins with `prefix`, or the one that `@latest` or `@failed` means.

        Raises NotFound, with `hint`, if there is none, and UsageError if there are several.
        """

    def newest_of_core(self, core_id: str, limit: int) -> Sequence[Summary]:
        """Return the summaries of the newest runs of a Core, newest first."""

    def run(self, summary: Summary) -> Run:
        """Return the complete run of `summary`."""


class SearchableRuns(RunSource, Protocol):
    """Runs that can be searched. Its methods block."""

    def search(self, query: Query, context: QueryContext) -> Iterator[Summary]:
        """Yield the summaries of the runs that match, newest first."""


class Recording(SearchableRuns, Protocol):
    """Runs and events of a file, as they were when it was opened."""

    def query_context(self, replays: frozenset[str] = frozenset()) -> QueryContext:
        """Return what a query is evaluated with now; `replays` are ids of runs that are known to be replays."""

    def read_slow_runs(self) -> Mapping[str, str]:
        """Return the hints on the runs that took longer than usual at the time of the newest event, by id."""

    @property
    def newest_at(self) -> Micros:
        """The time of the newest event of any run, in microseconds since 1970; 0 if there is none."""

    @property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """The checkpoints that were pending at the last poll; none in a file of JSON lines."""

    @property
    def unreadable_count(self) -> int:
        """The number of events that could not be read completely, as far as that is known."""

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """Yield all events, or those of one run, in feed order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class JournalRecording(StoredRuns):
    """The runs and events of a journal. Runs wait if they had a pending checkpoint at the last poll.

    It is read in one transaction: what another process adds meanwhile is not seen.
    """

    unreadable_count = 0

    def __init__(self, location: JournalLocation) -> None:
        self._recorded = open_readonly(location)
        if not self._recorded.is_complete:
            _rebuild_summaries(self._recorded)
        self._recorded.begin_snapshot()
        # On a server: the state of journal and recorders.
        self.state = read_state(self._recorded) if self._recorded.dialect.revision else None
        self.checkpoints: Sequence[Checkpoint] = read_pending(self._recorded)
        newest = self._recorded.next_position - 1
        waiting = {row.execution_id for row in self.checkpoints if row.execution_id is not None}
        super().__init__(self._recorded, lambda: newest, lambda: waiting)
        self.newest_at = self._recorded.newest_at()
        self.events = self._recorded.events

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._recorded.close()

    def query_context(self, replays: frozenset[str] = frozenset()) -> QueryContext:
        """Return what a query is evaluated with now."""
        return _context_now(self.checkpoints, self.gaps, replays)

    def read_slow_runs(self) -> Mapping[str, str]:
        """Return the hints on the runs that took longer than usual at the time of the newest event, by id."""
        waiting = [row.execution_id for row in self.checkpoints if row.execution_id is not None]
        return read_slow_runs(self._recorded, self.newest_at, waiting, self.gaps)


def _context_now(pending: Sequence[Checkpoint], gaps: Sequence[Gap], replays: frozenset[str]) -> QueryContext:
    from scaicore_tui.analysis.query import QueryContext

    return QueryContext(int(SystemClock().now() * MICROS_PER_SECOND), pending, gaps, replays)


def _rebuild_summaries(journal: Journal) -> None:
    writer = JournalWriter(journal)
    writer.prepare()
    while writer.rebuild_missing() is not None:
        pass


def open_recording(path: JournalLocation) -> Recording:
    """Open the journal or the file of JSON lines in `path`, or the journal on a server.

    Raises NotFound, StorageError if it can't be read, ConfigError if it is UTF-16.
    """
    if isinstance(path, JournalUrl) or not is_event_file(path):
        return JournalRecording(path)
    return JsonlRecording(path)


def open_readonly(path: JournalLocation) -> Journal:
    """Return a journal with the content of `path` and summaries of all its runs.

    A file of JSON lines, or a journal without all current summaries and statistics, is copied to a temporary journal,
    where they can be completed. On a server, its recorder completes them. Raises the same as `open_recording`.
    """
    if isinstance(path, JournalUrl):
        journal = read_server_journal(path)
        try:
            require_complete(journal, path)
        except BaseException:
            journal.close()
            raise
        return journal
    if is_event_file(path):
        return _load_jsonl(path)
    journal = Journal.open_readonly(path)
    if journal.is_complete and Summaries(journal).is_counted:
        return journal
    journal.close()
    return Journal.open_copy(path)


def require_complete(journal: Journal, url: JournalUrl) -> None:
    """Raise StorageError if a journal on a server has not yet all summaries: its recorder completes them."""
    if journal.is_complete and Summaries(journal).is_counted:
        return
    raise StorageError(
        f"the journal at {url} is still being prepared by its recorder",
        effect="nothing was read",
        hint="try again in a minute; start `record` if none is running",
    )


@contextmanager
def open_statistics(path: JournalLocation) -> Iterator[StoredStatistics]:
    """Yield the statistics of the journal or the file of JSON lines in `path`. Raises the same as `open_recording`.

    Unless all of its runs are counted, as in the journal of an older version, they are counted in a temporary copy.
    """
    with open_readonly(path) as journal:
        if not Summaries(journal).is_counted:
            _rebuild_summaries(journal)
        yield StoredStatistics(journal)


def _load_jsonl(path: Path) -> Journal:
    """Return a temporary journal with the events of a file of JSON lines."""
    journal = Journal.in_memory()
    writer = JournalWriter(journal)
    with open_lines(path) as file:
        lines = read_events(file, path)
        while batch := _without_offsets(islice(lines, BATCH_LINES)):
            writer.append_new(batch)
    return journal


def _without_offsets(lines: Iterator[tuple[Position, Event]]) -> Sequence[Event]:
    return [event for _, event in lines]
