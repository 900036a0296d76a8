"""The journal's table of pending checkpoints, as they were at the last poll."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.json_text import write
from scaicore_tui.protocol import Checkpoint, read_checkpoint
from scaicore_tui.store.asked import remember_asked
from scaicore_tui.store.change_log import log_pending
from scaicore_tui.store.journal import Journal


def read_pending(journal: Journal) -> list[Checkpoint]:
    """Return the checkpoints that were pending at the last poll, oldest first."""
    rows = journal.query("SELECT source FROM main.pending ORDER BY place")
    try:
        return [read_checkpoint(source) for (source,) in rows]
    except (ValueError, TypeError) as error:
        raise journal.damage_error() from error


def save_pending(journal: Journal, checkpoints: Sequence[Checkpoint]) -> None:
    """Replace the stored pending checkpoints by `checkpoints`, oldest first, and remember that these were asked."""
    rows = [(write(checkpoint.raw, ascii_only=True).encode(),) for checkpoint in checkpoints]
    with journal.transaction() as database:
        database.execute("DELETE FROM main.pending")
        database.executemany("INSERT INTO main.pending (source) VALUES (?)", rows)
        remember_asked(database, checkpoints)
        log_pending(database)
