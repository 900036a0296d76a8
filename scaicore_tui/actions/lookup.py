"""Asks how checkpoints that are pending no longer were answered."""

from __future__ import annotations

from collections.abc import Collection

from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed import Client, Rank
from scaicore_tui.text import named
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.checkpoints import RESOLVED

# How a checkpoint may end without an answer, likelier ones first. A backend that does not know one of them refuses it,
# or answers with pending ones.
_OTHERS = ("expired", "cancelled", "failed")
# Seconds from one look-up that found nothing to the next: it doubles.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0


class LookUp:
    """Looks up several checkpoints with one listing, and less often the longer that finds nothing new."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._next_at = 0.0
        self._asked: Collection[str] = ()
        self._ended: Collection[str] = ()

    async def find(self, wanted: Collection[str], ended: Collection[str]) -> dict[str, Checkpoint]:
        """Return those of `wanted` that were found, as they ended.

        `ended` are those of them that are known to be pending no longer: only for these it asks for other ends than an
        answer. Asks nothing before its time, unless there is a new one in either.
        """
        is_new = bool(set(wanted) - set(self._asked) or set(ended) - set(self._ended))
        if not wanted or not (is_new or self._clock.monotonic() >= self._next_at):
            return {}
        self._asked, self._ended = wanted, ended
        self._pause = FIRST_PAUSE if is_new else min(LONGEST_PAUSE, 2 * self._pause)
        found = await self._find_in(RESOLVED, wanted)
        for status in _OTHERS:
            if missing := set(ended) - found.keys():
                found |= await self._find_in(status, missing)
        self._next_at = self._clock.monotonic() + self._pause
        return found

    async def _find_in(self, status: str, wanted: Collection[str]) -> dict[str, Checkpoint]:
        """Return those that the listing of one status has; none where the server can't be asked."""
        try:
            return await self._client.find_checkpoints(wanted, status, rank=Rank.CATCH_UP)
        except ScaicoreError:
            return {}


async def find(client: Client, checkpoint_id: str) -> Checkpoint | None:
    """The checkpoint, as it ended; None where it is not found, or where the server can't be asked."""
    for status in (RESOLVED, *_OTHERS):
        try:
            found = await client.find_checkpoints([checkpoint_id], status, rank=Rank.CHECKPOINTS)
        except ScaicoreError:
            continue
        if checkpoint_id in found:
            return found[checkpoint_id]
    return None


def told(row: Checkpoint) -> str:
    """Who answered it, when, and how; or what else became of it."""
    if row.resolution is None:
        return f"it is {named(row.status)}"
    who = named(row.resolved_by) if row.resolved_by else "somebody"
    when = named(row.resolved_at) if row.resolved_at else "some time"
    return f"answered already: {named(row.resolution)} by {who} at {when}"
