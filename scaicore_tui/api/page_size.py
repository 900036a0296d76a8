"""How many rows a page may have so that it can be read: fewer where they are large, more again where they are small.

A row that is too large by itself is passed: the page that follows it says so.
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
# Rows that are too large, one after the other, are passed in one go up to this many.
MAX_SKIPPED_ROWS = 8
# A page is asked for with fewer rows by this factor, until it fits; and with more by this one at most, if the bytes of
# the last one say that it will.
_SHRINK, _GROW = 4, 8
# After a page that was too large, so many are read before more rows are asked for.
_PAGES_BEFORE_GROWTH = 4


P = TypeVar("P", EventPage, CheckpointPage)


class PageSize:
    """How many rows of one kind are asked for at a time. All readers share it: where one page ends, another may go on
    with the cursor that it gave, and a cursor that counts pages means something else with another limit."""

    def __init__(self, max_body_bytes: int = response_body.MAX_BODY_BYTES) -> None:
        self.rows = MAX_PAGE_ROWS
        self._max_body_bytes = max_body_bytes
        # Whether the same cursor leads to the same row whatever the limit is: a cursor that counts pages does not.
        self.is_cursor_stable: bool | None = None
        self._pages_before_growth = 0

    def shrink(self, limit: int) -> None:
        """So many rows were too large."""
        self.rows, self._pages_before_growth = max(1, limit // _SHRINK), _PAGES_BEFORE_GROWTH

    def next_size(self, limit: int, size: int) -> int:
        """How many rows may fit after `limit` of them had `size` bytes."""
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
    """The page at `cursor`, of at most `limit` rows, or as many as can be read, behind those that can't be.

    `ask` reads a page, and tells its bytes; `pass_one` reads an empty page in place of one row that is too large.
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
        return replace(page, passed=passed, limit=asked)


async def _skip_row(skip_one: Callable[[str | None], Awaitable[P]], cursor: str | None, too_large: PageTooLarge) -> P:
    """The empty page in place of one row that is `too_large`. Raises CannotReach, which says that and why it can't be
    passed, where the server does not let it."""
    try:
        return await skip_one(cursor)
    except Unreachable as error:
        raise Unreachable(f"{too_large.message}, and can't be passed over: {error.message}", hint=error.hint) from error


async def _try_larger(
    fetch: Callable[[int, str | None], Awaitable[tuple[P, int]]],
    size: PageSize,
    page: P,
    count: int,
    limit: int,
    cursor: str | None,
) -> tuple[P, int]:
    """Ask for more rows from the next page on, if the same cursors then lead to the same rows: once, that is tried."""
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
    """Whether a cursor leads to the same rows, however many are asked for; None where that can't be seen now."""
    if cursor is None:
        # The first page begins with the newest row anyway.
        if page.next_cursor is None:
            return None
        cursor = page.next_cursor
        page, _ = await fetch(asked, cursor)
    try:
        larger, _ = await fetch(more, cursor)
    except PageTooLarge:
        return None
    return _begins_with(larger.rows, page.rows)


def _begins_with(rows: Sequence[Hashable], first: Sequence[Hashable]) -> bool:
    """Whether `rows` hold `first` in one piece, near the top: others may have come in above meanwhile."""
    if not first or first[0] not in rows:
        return False
    at = rows.index(first[0])
    return list(rows[at : at + len(first)]) == list(first)[: len(rows) - at]
