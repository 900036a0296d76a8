"""Search the runs of a session in threads, step by step: nothing here waits for the disk on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from scaicore_tui.actions import Kind
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.analysis.query import RUNS, Query, QueryContext, asks_for, parse_query
from scaicore_tui.analysis.query.tree import Tree, quoted, tests_in
from scaicore_tui.config.views import Sort
from scaicore_tui.errors import StorageError
from scaicore_tui.runs import RunIndex, RunStatus, Summary
from scaicore_tui.runs.sorted_order import SortedOrder, status_order
from scaicore_tui.store import Journal
from scaicore_tui.store.field_values import count_values
from scaicore_tui.store.run_orders import read_order
from scaicore_tui.store.run_search import RunSearch, SearchStep
from scaicore_tui.units import Micros, Position


class RunQueries:
    """Searches the runs in `journal`. `get_context` gets the ids of known replays, which `read_ledger` tells.

    `read_slow` blocks, and returns the runs that take longer than usual.
    """

    def __init__(
        self,
        journal: Journal,
        index: RunIndex,
        get_context: Callable[[frozenset[str]], QueryContext],
        read_ledger: Callable[[], Awaitable[Sequence[Entry]]],
        read_slow: Callable[[], Mapping[str, str]],
    ) -> None:
        self._journal = journal
        self._index = index
        self._get_context = get_context
        self._read_ledger = read_ledger
        self._read_slow = read_slow

    async def steps(self, query: Query) -> AsyncIterator[SearchStep]:
        """Yield the positions of the runs that match, newest first, in short steps. Raises StorageError.

        To stop a search, ask for no more steps.
        """
        context = await self._context(query)
        steps = await asyncio.to_thread(self._begin, query, context)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            yield step

    async def newest_with(self, words: Iterable[str], limit: int) -> list[Position]:
        """Return the newest runs, at most `limit`, whose id or Core has all words. Raises StorageError.

        A word that is a status stands for that, too.
        """
        tests = (f"id:{quoted(word)} OR core:{quoted(word)}{_status_test(word)}" for word in words)
        found = list[Position]()
        async for step in self.steps(parse_query(" ".join(f"({test})" for test in tests), RUNS)):
            found += step.positions
            if len(found) >= limit:
                break
        return found[:limit]

    async def newest_among(self, query: Query, among: Tree, limit: int, now: Micros) -> list[Summary]:
        """Return the newest runs that match at `now`, at most `limit`. Raises StorageError.

        `among` is a condition that columns tell and that few runs meet: only these are read.
        """
        context = replace(await self._context(query), now=now)

        def find() -> list[Summary]:
            search = self._search(query.also(among), context)
            positions = search.exact_positions()
            if positions is None:
                positions = self._search(Query("", among), context).exact_positions()
            return search.first_of(positions or (), limit)

        return await asyncio.to_thread(find)

    async def matching(self, query: Query, positions: Sequence[Position]) -> list[Position]:
        """Return those of `positions` at which a run matches. Raises StorageError."""
        context = await self._context(query)
        return await asyncio.to_thread(lambda: self._search(query, context).matching(positions))

    async def order(self, sort: Sort) -> SortedOrder:
        """Return all runs in an order, as they are now or were meanwhile. Raises StorageError."""
        if sort is Sort.STATUS:
            # Whether a run waits is not stored.
            by_status = [(status, positions.copy()) for status, positions in self._index.by_status.items()]
            return await asyncio.to_thread(status_order, by_status)
        return await asyncio.to_thread(lambda: read_order(self._journal.reader, sort))

    async def count_values(self, field: str) -> list[tuple[str, int]]:
        """Return the values of a field that exist, the most frequent first; none if the journal cannot be read."""
        try:
            return await asyncio.to_thread(lambda: count_values(self._journal.reader, field))
        except StorageError:
            return []

    async def _context(self, query: Query) -> QueryContext:
        """Return what the query is evaluated with. The ledger is only read if the query asks for properties of runs."""
        if not any(test.field == "is" for test in tests_in(query.tree)):
            return self._get_context(frozenset())
        entries = await self._read_ledger()
        replays = (one.execution_id for one in entries if one.kind is Kind.REPLAY)
        context = self._get_context(frozenset(key for key in replays if key is not None))
        if not asks_for(query, RUNS, "is", "slow"):
            return context
        return replace(context, slow=frozenset(await asyncio.to_thread(self._read_slow)))

    def _search(self, query: Query, context: QueryContext) -> RunSearch:
        return RunSearch(self._journal.reader, query, context, self._index.last_position)

    def _begin(self, query: Query, context: QueryContext) -> Iterator[SearchStep]:
        return self._search(query, context).steps()


def _status_test(word: str) -> str:
    return f" OR status:{word}" if word in RunStatus.__members__.values() else ""
