"""Pages and cursors. A cursor holds a position, so new rows shift nothing. It is valid for one query of one store."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.requests import Request

from scaicore_tui.servers.grid.http.problems import invalid

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 500
_NEWEST: Final = 2**62
_MAX_CURSOR_CHARS: Final = 200

Row = TypeVar("Row")


@dataclass(frozen=True)
class PageQuery:
    """The page that is asked for: `limit` rows older than the position `before`."""

    core_id: str | None
    limit: int
    before: int
    filter_hash: str

    def slice(self, rows: Sequence[tuple[int, Row]], show: Callable[[Row], Any]) -> tuple[list[Any], str | None]:
        """Return the page and the next cursor, from at most one row more than the page may have."""
        page = rows[: self.limit]
        more = len(rows) > self.limit
        return [show(row) for _, row in page], self._cursor(page[-1][0]) if more else None

    def _cursor(self, position: int) -> str:
        return base64.urlsafe_b64encode(json.dumps([position, self.filter_hash]).encode()).decode()


def read_page_query(request: Request, identity: str, *filters: str) -> PageQuery:
    """Read the page from the query string. Raises GridProblem 422.

    `identity` names the store, and `filters` are the other parameters of the query: a cursor of another query is
    refused.
    """
    core_id = request.query_params.get("core_id")
    filter_hash = hashlib.sha256(json.dumps([identity, request.url.path, core_id, *filters]).encode()).hexdigest()[:16]
    return PageQuery(core_id, _limit(request), _position(request.query_params.get("cursor"), filter_hash), filter_hash)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_PAGE_SIZE))
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise invalid(f"limit must be a number from 1 to {MAX_PAGE_SIZE}", parameter="limit")
    return int(text)


def _position(cursor: str | None, filter_hash: str) -> int:
    if cursor is None:
        return _NEWEST
    try:
        position, cursor_filter_hash = json.loads(
            base64.b64decode(cursor[:_MAX_CURSOR_CHARS], altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise invalid("the cursor cannot be read", parameter="cursor") from error
    if cursor_filter_hash != filter_hash or not isinstance(position, int) or not 0 <= position <= _NEWEST:
        raise invalid("the cursor has expired, or belongs to another query", parameter="cursor")
    return position
