"""Adaptive page size: fewer rows per page when rows are large, more when they are small.

A single row that is too large is skipped; the page after it records that in `passed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from scaicore_tui.api import response_body
from scaicore_tui.api.transport import PageTooLarge
from scaicore_tui.errors import Unreachable
from scaicore_tui.protocol import CheckpointPage, EventPage

MAX_PAGE_ROWS = 500
# Most consecutive rows that are skipped in one read.
MAX_SKIPPED_ROWS = 8
# Factor by which a page that is too large shrinks, and by which it may grow at most if its byte count allows.
_SHRINK, _GROW = 4, 8
# After a page that was too large, this many pages are read before the size grows again.
_PAGES_BEFORE_GROWTH = 4


P = TypeVar("P", EventPage, CheckpointPage)


class PageSize:
    """Current number of rows per page of one resource, shared by all its readers.

    It is shared because a cursor that counts pages has another meaning with another page size.
    """

    def __init__(self, max_body_bytes: int = response_body.MAX_BODY_BYTES) -> None:
        self.rows = MAX_PAGE_ROWS
        self._max_body_bytes = max_body_bytes
        # True if a cursor leads to the same row at any page size (not so if it counts pages); None if unknown.
        self.is_cursor_stable: bool | None = None
        self._pages_before_growth = 0

    def shrink(self, limit: int) -> None:
        """Reduce the size after a page of `limit` rows was too large."""
        self.rows, self._pages_before_growth = max(1, limit // _SHRINK), _PAGES_BEFORE_GROWTH

    def next_size(self, limit: int, size: int) -> int:
        """Return how many rows may fit, given that `limit` rows had `size` bytes."""
        if self._pages_before_growth:
            self._pages_before_growth -= 1
            return self.rows
        return max(self.rows, min(MAX_PAGE_ROWS, limit * min(_GROW, self._max_body_bytes // 2 // max(1, size))))


async def read_fitting(
    fetch: Callable[[int, str | None], Awaitable[tuple[P, int]]],
    skip_one: Callable[[str | None], Awaitable[P]],
    size: PageSize,
    limit: int,
    cursor: str | None,
) -> P:
    """Return the page at `cursor` with at most `limit` rows, after skipping rows that are too large.

    `fetch` returns a page and its size in bytes. `skip_one` returns an empty page in place of one row.
    """
    passed = 0
    while True:
        asked = min(limit, size.rows)
        try:
            page, count = await fetch(asked, cursor)
        except PageTooLarge as error:
            if asked > 1:
                size.shrink(asked)
                continue
            page, count = await _skip_row(skip_one, cursor, error), 0
            passed += 1
            if page.next_cursor not in (None, cursor) and passed < MAX_SKIPPED_ROWS:
                cursor = page.next_cursor
                continue
        if asked == size.rows < MAX_PAGE_ROWS and count:
            page, asked = await _try_larger(fetch, size, page, count, limit, cursor)
        return replace(page, skipped=passed, limit=asked)


async def _skip_row(skip_one: Callable[[str | None], Awaitable[P]], cursor: str | None, too_large: PageTooLarge) -> P:
    """Return an empty page in place of one row that is too large. Raises: Unreachable if the row cannot be skipped."""
    try:
        return await skip_one(cursor)
    except Unreachable as error:
        raise Unreachable(f"{too_large.message}, and it cannot be skipped: {error.message}", hint=error.hint) from error


async def _try_larger(
    fetch: Callable[[int, str | None], Awaitable[tuple[P, int]]],
    size: PageSize,
    page: P,
    count: int,
    limit: int,
    cursor: str | None,
) -> tuple[P, int]:
    """Increase the size for later pages if cursors are independent of the page size, which is tested once."""
    asked = min(limit, size.rows)
    more = size.next_size(asked, count)
    if more == size.rows or size.is_cursor_stable is False:
        return page, asked
    if size.is_cursor_stable is None:
        size.is_cursor_stable = await _check_cursor_stability(fetch, page, asked, more, cursor)
    size.rows = more if size.is_cursor_stable else size.rows
    return page, asked


async def _check_cursor_stability(
    fetch: Callable[[int, str | None], Awaitable[tuple[P, int]]], page: P, asked: int, more: int, cursor: str | None
) -> bool | None:
    """Return True if a cursor leads to the same rows at a larger page size; None if that cannot be tested now."""
    if cursor is None:
        # The first page starts with the newest row at any size, which proves nothing.
        if page.next_cursor is None:
            return None
        cursor = page.next_cursor
        page, _ = await fetch(asked, cursor)
    try:
        larger, _ = await fetch(more, cursor)
    except PageTooLarge:
        return None
    return _begins_with(larger.row_keys, page.row_keys)


def _begins_with(rows: Sequence[Hashable], first: Sequence[Hashable]) -> bool:
    """Return True if `rows` contain `first` contiguously; new rows may have arrived above."""
    if not first or first[0] not in rows:
        return False
    start = rows.index(first[0])
    return list(rows[start : start + len(first)]) == list(first)[: len(rows) - start]
