"""What waited for a person at the latest look, beside the events: shown where no server can be asked."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.journal.store import Journal
from scaicore_tui.json_text import write
from scaicore_tui.wire import Checkpoint, read_checkpoint


def read_pending(journal: Journal) -> list[Checkpoint]:
    """The checkpoints that were pending at the latest look, oldest first."""
    rows = journal.rows("SELECT source FROM main.pending ORDER BY place")
    try:
        return [read_checkpoint(source) for (source,) in rows]
    except (ValueError, TypeError) as error:
        raise journal.damage() from error


def keep_pending(journal: Journal, checkpoints: Iterable[Checkpoint]) -> None:
    """These are pending now, oldest first, and no others."""
    rows = [(write(checkpoint.source, ascii_only=True).encode(),) for checkpoint in checkpoints]
    with journal.writing() as database:
        database.execute("DELETE FROM main.pending")
        database.executemany("INSERT INTO main.pending (source) VALUES (?)", rows)
