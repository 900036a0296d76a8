"""How the feed's head is asked for: how much of it, and in a feed that is oldest first, from where on."""

from __future__ import annotations

from collections.abc import Callable

from scaicore_tui.feed.client import Client
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.page_size import MAX_LIMIT
from scaicore_tui.feed.sweep import MAX_PAGES, Sweep, next_limit, read_head, read_tail

# After so many looks in a row that find nothing new, and always more pages, no more is asked for at once.
MAX_BARREN = 100


class Head:
    """The head of one feed, read down to what is `known`."""

    def __init__(self, client: Client, known: Callable[[], Known]) -> None:
        self._client = client
        self._known = known
        self._limit = MAX_LIMIT
        self._tail: str | None = None
        self._oldest_first = False
        self._looks = 0
        # Why no more is asked for at once, although the server names more; empty where it does not.
        self.stuck = ""
        self._barren = 0

    async def read(self) -> Sweep:
        """Look at it once."""
        if self._oldest_first:
            return await read_tail(self._client, self._known(), self._tail)
        return await read_head(self._client, self._known(), self._limit)

    def took(self, sweep: Sweep, new_events: int) -> None:
        """That look brought so many new events: the next one asks for as many."""
        self._looks += 1
        self._tail, self._oldest_first = sweep.tail, sweep.oldest_first
        self._limit = next_limit(new_events, self._looks)
        self._barren = 0 if new_events or not sweep.more else self._barren + 1
        is_stuck = self._barren >= MAX_BARREN
        self.stuck = (
            f"newer events may be unread: {MAX_BARREN * MAX_PAGES} pages brought nothing new" if is_stuck else ""
        )
