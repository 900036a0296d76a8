"""Checkpoint listings of several pages: progress of one listing, and the rows that are still pending. Pure.

A server may cap its pages at any size, and rows move between pages during a listing. A row that was not seen again is
removed only if that is proven.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.protocol import Checkpoint, CheckpointPage

# A listing stops after this many consecutive pages without new rows.
MAX_EMPTY_PAGES = 20
# A listing stops at this many rows and records that in `cut_short`.
MAX_ROWS = 100_000


class ListingWalk:
    """Progress through the pages of one listing.

    `cursor` leads to the next page. `cut_short` is why the listing ended before the last page; empty if it did not.
    """

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.is_over = False
        self.cut_short = ""
        self.pages = 0
        self.seen: set[str] = set()
        self._cursors: set[str] = set()
        self._empty_pages = 0

    def advance(self, page: CheckpointPage) -> None:
        """Advance by one page. A repeated cursor ends the listing."""
        new = {row.id for row in page.checkpoints} - self.seen
        self.seen |= new
        self.pages += 1
        self._empty_pages = 0 if new else self._empty_pages + 1
        self.cursor = page.next_cursor
        self.is_over = self.cursor is None or self.cursor in self._cursors
        if self.cursor is not None:
            self._cursors.add(self.cursor)
        if not self.is_over and self._empty_pages >= MAX_EMPTY_PAGES:
            self.stop(f"{MAX_EMPTY_PAGES} consecutive pages had no new checkpoint")
        elif not self.is_over and len(self.seen) >= MAX_ROWS:
            self.stop(f"there are more than {MAX_ROWS:,}")

    def stop(self, reason: str) -> None:
        """End the listing before the last page because of `reason`."""
        self.is_over, self.cut_short = True, f"not all checkpoints were read: {reason}"


class PageMemory:
    """Remembers the page of each checkpoint, so that one checkpoint can be read again without the others."""

    def __init__(self) -> None:
        self._cursor_of: dict[tuple[str, str], str | None] = {}
        # Cursors of the previous and next page, by cursor; the first page has the cursor None.
        self._before: dict[tuple[str, str], str | None] = {}
        self._after: dict[tuple[str, str | None], str] = {}

    def record(self, status: str, cursor: str | None, page: CheckpointPage) -> None:
        """Record that `page` was read at `cursor`."""
        if cursor is None and page.next_cursor is None:
            return
        if len(self._cursor_of) + len(page.checkpoints) > MAX_ROWS or len(self._before) > MAX_ROWS:
            for memory in (self._cursor_of, self._before, self._after):
                memory.clear()
        self._cursor_of.update(((status, row.id), cursor) for row in page.checkpoints)
        if page.next_cursor is not None:
            self._before[status, page.next_cursor] = cursor
            self._after[status, cursor] = page.next_cursor

    def nearby_cursors(self, status: str, checkpoint_id: str) -> Iterator[str | None]:
        """Yield the cursors of the page that had the checkpoint last and of its neighbours; nothing if unknown."""
        key = (status, checkpoint_id)
        if key not in self._cursor_of:
            return
        cursor = self._cursor_of[key]
        yield cursor
        if cursor is not None and (status, cursor) in self._before:
            yield self._before[status, cursor]
        if (status, cursor) in self._after:
            yield self._after[status, cursor]


class PendingStatus(Struct, frozen=True):
    """Progress of reading the pending checkpoints.

    `is_listed`: one listing was read to its end. `cut_short`: why the last one ended early. `oldest_at`: time of the
    least recently read row, in monotonic seconds; later pages are read less often than the first.
    """

    count: int = 0
    pages: int = 0
    is_listed: bool = False
    cut_short: str = ""
    oldest_at: float | None = None


class PendingCheckpoints:
    """All rows known to be pending, merged from pages that are read at different times.

    The first page is polled (`apply_first_page`). While `is_reading`, the others follow one at a time from `cursor`
    (`apply_next_page`).
    """

    def __init__(self) -> None:
        self.rows: dict[str, Checkpoint] = {}
        self.status = PendingStatus()
        self.unreadable = 0
        self._walk: ListingWalk | None = None
        # Time of the oldest response of this listing, and of each row, in monotonic seconds.
        self._true_since = 0.0
        self._true_at: dict[str, float] = {}
        self._seen: set[str] = set()
        self._unreadable = 0
        self._previous_page: CheckpointPage | None = None
        # Cursor of the page to read again, if any: rows may have moved up into it.
        self._reread: list[str | None] = []
        self._cursors: list[str | None] = []
        self._missed_once: set[str] = set()

    @property
    def is_reading(self) -> bool:
        """True while pages of a listing remain to be read."""
        return self._walk is not None

    @property
    def cursor(self) -> str | None:
        """Cursor of the page to read next."""
        if self._reread or self._walk is None:
            return self._reread[0] if self._reread else None
        return self._walk.cursor

    @property
    def seen(self) -> tuple[frozenset[str], float]:
        """Ids seen pending since a time, and that time in monotonic seconds."""
        return frozenset(self._seen), self._true_since

    def apply_first_page(self, page: CheckpointPage, true_at: float, *, begin: bool) -> None:
        """Apply the first page, which was true at `true_at`. If there are more pages, `begin` starts a listing unless
        one is in progress."""
        self._merge_rows(page, true_at, is_first=True)
        if page.next_cursor is None:
            self._walk, self.rows = None, {row.id: row for row in page.checkpoints}
            self._seen = set(self.rows)
            self._true_since, self.unreadable, self._missed_once = true_at, page.unreadable, set()
            self._update_status(pages=1, is_listed=True, cut_short="")
            return
        if self._walk is None and begin:
            self._walk, self._true_since, self._unreadable = ListingWalk(), true_at, 0
            self._previous_page, self._reread, self._cursors, self._seen = None, [], [], self._walk.seen
            self._advance(page, None)
        self._update_status()

    def apply_next_page(self, page: CheckpointPage, cursor: str | None, true_at: float) -> None:
        """Apply the page at `cursor`, which was true at `true_at`; ignored if another page is expected."""
        if self._walk is None or cursor != self.cursor:
            return
        # A cache may have returned this page with a greater age than earlier ones.
        self._true_since = min(self._true_since, true_at)
        if self._reread:
            self._reread = []
            self._merge_rows(page, true_at)
            self._walk.seen.update(row.id for row in page.checkpoints)
            self._finish_if_over()
        else:
            self._merge_rows(page, true_at, is_last=page.next_cursor is None)
            self._advance(page, cursor)
        self._update_status()

    def abandon(self, reason: str) -> None:
        """End the listing because of `reason`. The next first page may start another."""
        if self._walk is not None:
            self._walk, self._reread = None, []
            self._update_status(cut_short=f"not all checkpoints were read: {reason}")

    def _advance(self, page: CheckpointPage, cursor: str | None) -> None:
        if self._walk is None:
            return
        self._walk.advance(page)
        self._unreadable += page.unreadable
        if self._cursors and self._may_have_missed_row(self._previous_page, page):
            self._reread = [self._cursors[-1]]
        self._previous_page = page
        self._cursors = [*self._cursors[-1:], cursor]
        self._finish_if_over()

    def _finish_if_over(self) -> None:
        walk = self._walk
        if walk is None or not walk.is_over or self._reread:
            return
        missed = set() if walk.cut_short else self.rows.keys() - walk.seen
        # Rows move during a listing: one may be missed by one listing, but hardly by two.
        gone = missed & self._missed_once
        self.rows = {key: row for key, row in self.rows.items() if key not in gone}
        self._missed_once, self._walk, self.unreadable = missed - gone, None, self._unreadable
        self._update_status(pages=walk.pages, is_listed=True, cut_short=walk.cut_short)

    def _merge_rows(
        self, page: CheckpointPage, true_at: float, *, is_first: bool = False, is_last: bool = False
    ) -> None:
        """Merge the rows of a page. A known row that belongs inside the page but is not on it is removed."""
        found = {row.id: row for row in page.checkpoints}
        self.rows |= found
        self._true_at |= dict.fromkeys(found, true_at)
        self._missed_once -= found.keys()
        span = _created_range(page.checkpoints, is_first=is_first, is_last=is_last)
        if span is not None:
            low, high = span
            gone = [key for key, row in self.rows.items() if key not in found and low < _created(row) < high]
            for key in gone:
                del self.rows[key]

    def _may_have_missed_row(self, before: CheckpointPage | None, page: CheckpointPage) -> bool:
        """Return True if a known unread row belongs between two pages: it may have moved up over their edge."""
        if before is None or self._walk is None or not before.checkpoints or not page.checkpoints:
            return False
        edges = sorted((_created(before.checkpoints[-1]), _created(page.checkpoints[0])))
        seen = self._walk.seen
        # If many rows have the same creation time, it does not tell where a row belongs.
        return edges[0] < edges[1] and any(
            key not in seen and edges[0] <= _created(row) <= edges[1] for key, row in self.rows.items()
        )

    def _update_status(self, **changed: object) -> None:
        """Update `status` from the rows and the `changed` fields."""
        self._true_at = {key: self._true_at[key] for key in self.rows}
        oldest_at = min(self._true_at.values(), default=self._true_since)
        self.status = replace(self.status, count=len(self.rows), oldest_at=oldest_at, **changed)


def _created(row: Checkpoint) -> float:
    return row.created or 0


def _created_range(rows: Sequence[Checkpoint], *, is_first: bool, is_last: bool) -> tuple[float, float] | None:
    """Return the open interval of creation times that a page covers; None if its order is unclear."""
    times = [_created(row) for row in rows]
    if len(times) < 2 or 0 in times:
        return None
    falling, rising = _is_sorted(times[::-1]), _is_sorted(times)
    if falling == rising:
        return None
    low, high = min(times), max(times)
    first, last = (high, low) if falling else (low, high)
    beyond = float("inf")
    if is_first:
        low, high = (low, beyond) if first == high else (-beyond, high)
    if is_last:
        low, high = (-beyond, high) if last == low else (low, beyond)
    return low, high


def _is_sorted(times: Iterable[float]) -> bool:
    return all(a <= b for a, b in pairwise(times))
