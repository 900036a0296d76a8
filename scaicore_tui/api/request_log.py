"""Log each HTTP request: what was asked, how long it waited in the budget and took, and the answer's status and id.

Never the query, headers or bodies: a cursor is foreign text, and the others hold tokens and data.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from scaicore_tui.api.budget import Budget, Priority
from scaicore_tui.clock import Clock
from scaicore_tui.log import Field, Log, error_fields

REQUEST_ID_HEADER = "X-Request-ID"

_log = Log(__name__)


class Slot(Protocol):
    """The right to send one request."""

    def on_response(self, status: int, headers: Mapping[str, str]) -> float:
        """Take note of the response; return the server's time in Unix seconds."""


class _TimedSlot:
    """A slot of the budget that also remembers what the response says about the request."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self.facts: dict[str, Field] = {}

    def on_response(self, status: int, headers: Mapping[str, str]) -> float:
        self.facts = {"status": status, "request_id": headers.get(REQUEST_ID_HEADER)}
        return self._slot.on_response(status, headers)


@asynccontextmanager
async def logged_slot(budget: Budget, clock: Clock, method: str, url: str, priority: Priority) -> AsyncIterator[Slot]:
    """Hold a slot of `budget` for one request, as `Budget.slot` does, and log the request at its end."""
    if not _log.is_on:
        async with budget.slot(priority) as slot:
            yield slot
        return
    fields: dict[str, Field] = {"method": method, "path": urlsplit(url).path, "priority": priority.name.lower()}
    queued_at = sent_at = clock.monotonic()
    timed: _TimedSlot | None = None
    try:
        async with budget.slot(priority) as slot:
            timed, sent_at = _TimedSlot(slot), clock.monotonic()
            yield timed
    except BaseException as error:
        fields |= _timing(queued_at, sent_at, clock.monotonic(), is_sent=timed is not None)
        _log_failure(error, fields | ({} if timed is None else timed.facts))
        raise
    _log.info("request", **fields, **_timing(queued_at, sent_at, clock.monotonic()), **timed.facts)


def _timing(queued_at: float, sent_at: float, ended_at: float, *, is_sent: bool = True) -> dict[str, Field]:
    """Return the milliseconds that a request waited for its slot, and those that it took after that."""
    if not is_sent:
        return {"wait_ms": round((ended_at - queued_at) * 1000, 1)}
    return {"wait_ms": round((sent_at - queued_at) * 1000, 1), "ms": round((ended_at - sent_at) * 1000, 1)}


def _log_failure(error: BaseException, fields: dict[str, Field]) -> None:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        _log.info("request cancelled", **fields)
    else:
        _log.warning("request failed", **fields | _without_none(error_fields(error)))


def _without_none(fields: dict[str, Field]) -> dict[str, Field]:
    return {name: value for name, value in fields.items() if value is not None}
