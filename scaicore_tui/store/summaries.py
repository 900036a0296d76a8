"""The journal's tables of run summaries and of pending checkpoints.

Summaries of another version, and missing ones, are rebuilt from the events (see `writer`).
"""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.json_text import write
from scaicore_tui.protocol import Checkpoint, read_checkpoint
from scaicore_tui.runs import Summary
from scaicore_tui.runs.summary import SUMMARY_VERSION, decode_summary, encode_summary
from scaicore_tui.store.database import encode_id
from scaicore_tui.store.journal import Journal


def read_pending(journal: Journal) -> list[Checkpoint]:
    """Return the checkpoints that were pending at the last poll, oldest first."""
    rows = journal.query("SELECT source FROM main.pending ORDER BY place")
    try:
        return [read_checkpoint(source) for (source,) in rows]
    except (ValueError, TypeError) as error:
        raise journal.damage_error() from error


def save_pending(journal: Journal, checkpoints: Iterable[Checkpoint]) -> None:
    """Replace the stored pending checkpoints by `checkpoints`, oldest first."""
    rows = [(write(checkpoint.raw, ascii_only=True).encode(),) for checkpoint in checkpoints]
    with journal.transaction() as database:
        database.execute("DELETE FROM main.pending")
        database.executemany("INSERT INTO main.pending (source) VALUES (?)", rows)


_PUT = "INSERT OR REPLACE INTO main.runs VALUES (?, ?, ?)"
_NEWEST = "SELECT summary FROM main.runs WHERE place < ? ORDER BY place DESC LIMIT ?"
_MATCHING = "SELECT summary FROM main.runs WHERE substr(execution_id, 1, ?) = ? ORDER BY place DESC LIMIT ?"
_OLDEST = "SELECT summary FROM main.runs WHERE place > ? ORDER BY place LIMIT ?"
_ALL_IDS = "SELECT execution_id FROM events WHERE execution_id IS NOT NULL GROUP BY execution_id ORDER BY min(pos) DESC"


class Summaries:
    """The summaries stored in `journal`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def put(self, summaries: Iterable[Summary]) -> None:
        """Store summaries, replacing former ones. Call it in the transaction that stores their events."""
        rows = [(summary.position, encode_id(summary.execution_id), encode_summary(summary)) for summary in summaries]
        with self._journal.transaction() as database:
            database.executemany(_PUT, rows)

    def newest(self, limit: int, before: int = 2**62) -> list[Summary]:
        """Return the newest summaries with positions below `before`, newest first."""
        return self._decoded(self._journal.query(_NEWEST, before, limit))

    def matching(self, prefix: str, limit: int) -> list[Summary]:
        """Return the newest summaries of runs whose ids begin with `prefix`, newest first."""
        return self._decoded(self._journal.query(_MATCHING, len(prefix), prefix, limit))

    def oldest(self, limit: int, above: int) -> list[Summary]:
        """Return the oldest summaries with positions above `above`, oldest first."""
        return self._decoded(self._journal.query(_OLDEST, above, limit))

    def _decoded(self, rows: Iterable[tuple[bytes]]) -> list[Summary]:
        try:
            return [decode_summary(source) for (source,) in rows]
        except (ValueError, TypeError) as error:
            raise self._journal.damage_error() from error

    def drop_outdated(self) -> bool:
        """Delete the summaries if they have another version; return whether any are missing."""
        version, folded = self._journal.query("SELECT version, folded FROM folding")[0]
        if version != SUMMARY_VERSION:
            with self._journal.transaction() as database:
                database.execute("DELETE FROM runs")
                database.execute("UPDATE folding SET version = ?, folded = 0", (SUMMARY_VERSION,))
        return bool(folded != SUMMARY_VERSION)

    def missing_ids(self) -> list[str]:
        """Return the ids of runs that have events and no summary, newest first."""
        stored = {execution_id for (execution_id,) in self._journal.query("SELECT execution_id FROM main.runs")}
        return [_decode_id(found) for (found,) in self._journal.query(_ALL_IDS) if found not in stored]

    def mark_complete(self) -> None:
        """Store that no summary is missing."""
        with self._journal.transaction() as database:
            database.execute("UPDATE folding SET folded = version")


def _decode_id(stored: str | bytes) -> str:
    """Return the id that `encode_id` encoded."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")
