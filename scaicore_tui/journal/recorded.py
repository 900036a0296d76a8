"""What was recorded, looked at without a server: a journal, whoever writes it just then, or a file of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from scaicore_tui.journal.intake import Intake
from scaicore_tui.journal.lines import SLICE, Lines, is_lines, read_lines
from scaicore_tui.journal.pending import read_pending
from scaicore_tui.journal.store import Journal
from scaicore_tui.runs import RunBook
from scaicore_tui.wire import Event

RUNS_AT_ONCE = 500


class Recorded(Protocol):
    """Runs as they were when it was opened, and the time of their newest event, in microseconds since 1970."""

    @property
    def newest_at(self) -> int: ...

    @property
    def book(self) -> RunBook: ...

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in feed order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Stored:
    """What a journal holds; which runs wait is what was pending at its latest look."""

    def __init__(self, path: Path) -> None:
        self._journal = journal_of(path)
        self._last = self._journal.next_place - 1
        self.newest_at = self._journal.newest_at()
        self.events = self._journal.events

    @cached_property
    def book(self) -> RunBook:
        """Its runs."""
        book = RunBook(lambda execution_id: self._journal.history(execution_id, self._last))
        book.event_count, book.gaps = len(self._journal), self._journal.gaps()
        intake = Intake(self._journal)
        intake.begin()
        while stored := intake.stored(RUNS_AT_ONCE):
            book.load(stored)
        book.wait(read_pending(self._journal))
        return book

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()


def open_recorded(path: Path) -> Recorded:
    """What is in `path`. Raises NotFound, or ConfigError where it is neither journal nor lines."""
    return Lines(path) if is_lines(path) else Stored(path)


def journal_of(path: Path) -> Journal:
    """The journal in `path`, to read only, with summaries of all its runs. What has none of today's is copied first.

    Raises NotFound, or ConfigError where it is neither journal nor lines.
    """
    if is_lines(path):
        return _filled(path)
    journal = Journal.read(path)
    if journal.is_complete:
        return journal
    journal.close()
    return Journal.copy(path)


def _filled(path: Path) -> Journal:
    """A journal of the events of a file of lines, which leaves nothing behind."""
    journal = Journal.temporary()
    intake = Intake(journal)
    with path.open("rb") as file:
        lines = read_lines(file, path)
        while some := _events(islice(lines, SLICE)):
            intake.news(some)
    return journal


def _events(lines: Iterator[tuple[int, Event]]) -> Sequence[Event]:
    return [event for _, event in lines]
