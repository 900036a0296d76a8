"""Asks how a checkpoint that is pending no longer was answered."""

from __future__ import annotations

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed import Client
from scaicore_tui.text import named
from scaicore_tui.wire import Checkpoint

# In the order of likelihood. A backend that does not know one of them refuses it, or answers with pending ones.
_ENDED = ("resolved", "expired", "cancelled", "failed")

# How many pages of each are read to find one: those that ended last are on the first ones.
MAX_PAGES = 20


async def find(client: Client, checkpoint_id: str) -> Checkpoint | None:
    """The checkpoint, as it ended; None where it is not found, or where the server can't be asked."""
    for status in _ENDED:
        try:
            rows = await client.all_checkpoints(status, max_pages=MAX_PAGES)
        except ScaicoreError:
            continue
        row = next((row for row in rows if row.id == checkpoint_id and not row.is_pending), None)
        if row is not None:
            return row
    return None


def told(row: Checkpoint) -> str:
    """Who answered it, when, and how; or what else became of it."""
    if row.resolution is None:
        return f"it is {named(row.status)}"
    who = named(row.resolved_by) if row.resolved_by else "somebody"
    when = named(row.resolved_at) if row.resolved_at else "some time"
    return f"answered already: {named(row.resolution)} by {who} at {when}"
