"""The runs of a journal, read from it: in order, by the start of an id, or complete with all their events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from scaicore_tui.runs import Gap, Run, Summary, only_match, with_status
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Position

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import Query, QueryContext

LATEST, FAILED = "@latest", "@failed"
# An ambiguous start of an id is reported with a count, up to this many.
MAX_FOUND = 1_000


def newest_named(name: str, newest_first: Iterable[Summary]) -> list[Summary]:
    """Return the run that `@latest` or `@failed` means, if there is one."""
    return list(islice((row for row in newest_first if name == LATEST or row.outcome is RunStatus.FAILED), 1))


class StoredRuns:
    """Reads the runs of `journal` with their statuses. Each method blocks: the app calls them in a thread.

    Events above `last_position()` are not read. `waiting()` returns the ids of the runs with a pending checkpoint.
    """

    def __init__(
        self,
        journal: Journal,
        last_position: Callable[[], Position | None],
        waiting: Callable[[], Collection[str]],
    ) -> None:
        self._journal = journal
        self._last_position = last_position
        self._waiting = waiting

    @property
    def _summaries(self) -> Summaries:
        return Summaries(self._journal.reader)

    @property
    def gaps(self) -> Sequence[Gap]:
        """All gaps, oldest first."""
        return self._journal.gaps()

    def summaries(self) -> Iterator[Summary]:
        """Yield the summaries of all runs, newest first."""
        waiting = self._waiting()
        return (with_status(summary, waiting) for summary in self._summaries.all_newest_first())

    def search(self, query: Query, context: QueryContext) -> Iterator[Summary]:
        """Yield the summaries of the runs that match, newest first."""
        from scaicore_tui.store.run_search import RunSearch

        return RunSearch(self._journal.reader, query, context, self._last_position()).summaries()

    def find(self, prefix: str) -> list[Summary]:
        """Return the run with the id `prefix`, or else those whose ids begin with it.

        For `@latest` that is the newest run, for `@failed` the newest that failed.
        """
        if prefix in (LATEST, FAILED):
            return newest_named(prefix, self.summaries())
        waiting = self._waiting()
        return [with_status(summary, waiting) for summary in self._summaries.matching(prefix, MAX_FOUND)]

    def find_one(self, prefix: str, hint: str = "") -> Summary:
        """Return the only run whose id begins with `prefix`, or the one that `@latest` or `@failed` means.

        Raises NotFound, with `hint`, if there is none, and UsageError if there are several.
        """
        return only_match(self.find(prefix), prefix, self._journal.saved_run_count, hint)

    def newest_of_core(self, core_id: str, limit: int) -> Sequence[Summary]:
        """Return the summaries of the newest runs of a Core, newest first."""
        waiting = self._waiting()
        return [with_status(summary, waiting) for summary in self._summaries.of_core(core_id, limit)]

    def run(self, summary: Summary) -> Run:
        """Return the complete run of `summary`; of a damaged run only the events before the damage."""
        key = summary.execution_id
        run, _ = project(key, self._journal.history_until_damaged(key, self._last_position()))
        run.status = summary.status
        return run

    def event_count(self) -> int:
        """Return the number of events of all runs, without repeats."""
        return self._summaries.event_count()
