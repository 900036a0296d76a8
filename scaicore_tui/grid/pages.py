"""Pages and cursors. A cursor is a key, so what arrives meanwhile shifts nothing; it fits one query of one store."""

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

from scaicore_tui.grid.problems import invalid

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_FIRST: Final = 2**62
_MAX_CURSOR: Final = 200

Row = TypeVar("Row")


@dataclass(frozen=True)
class PageQuery:
    """Which page is wanted: `limit` rows older than the position `before`."""

    core_id: str | None
    limit: int
    before: int
    seal: str

    def cut(self, rows: Sequence[tuple[int, Row]], show: Callable[[Row], Any]) -> tuple[list[Any], str | None]:
        """The page and the next cursor, from at most one row more than the page may have."""
        page = rows[: self.limit]
        more = len(rows) > self.limit
        return [show(row) for _, row in page], self._cursor(page[-1][0]) if more else None

    def _cursor(self, position: int) -> str:
        return base64.urlsafe_b64encode(json.dumps([position, self.seal]).encode()).decode()


def read_page_query(request: Request, identity: str, *filters: str) -> PageQuery:
    """The page that the query string asks for. Raises a 422 Problem.

    `identity` names the store and `filters` the rest of the query: a cursor from elsewhere is refused.
    """
    core_id = request.query_params.get("core_id")
    seal = hashlib.sha256(json.dumps([identity, request.url.path, core_id, *filters]).encode()).hexdigest()[:16]
    return PageQuery(core_id, _limit(request), _position(request.query_params.get("cursor"), seal), seal)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise invalid(f"limit must be a number from 1 to {MAX_LIMIT}", parameter="limit")
    return int(text)


def _position(cursor: str | None, seal: str) -> int:
    if cursor is None:
        return _FIRST
    try:
        position, its_seal = json.loads(base64.b64decode(cursor[:_MAX_CURSOR], altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise invalid("the cursor cannot be read", parameter="cursor") from error
    if its_seal != seal or not isinstance(position, int) or not 0 <= position <= _FIRST:
        raise invalid("the cursor has expired, or belongs to another query", parameter="cursor")
    return position
