"""The log of changes of a journal on a server: what changed since when, for viewers of the same journal.

Each transaction of the writer has the next number, the revision. It is stored with the runs that changed, and in
`journal_state` for gaps, pending checkpoints, and the first revision from which on the log is complete. Runs that are
gone, and positions at which no run begins any more, are in the table `removals`. A journal in a file has no such log.
"""

from __future__ import annotations

from scaicore_tui.runs import Delta
from scaicore_tui.store.engine import Database
from scaicore_tui.store.stored_ids import encode_id

# A viewer that was away for longer reads everything again. With a commit a second, that is a day.
KEPT_REVISIONS = 100_000
# Old removals are deleted once in this number of revisions.
_PRUNE_EVERY = 1_000
_LOG_GAPS = "UPDATE journal_state SET gaps_revision = revision"
_LOG_PENDING = "UPDATE journal_state SET pending_revision = revision"
_REQUIRE_RELOAD = "UPDATE journal_state SET complete_from = revision"
_LOG_REMOVAL = """INSERT INTO removals (revision, place, execution_id)
VALUES ((SELECT revision FROM journal_state), ?, ?)"""
_NEXT_PRUNED = "SELECT revision - ? FROM journal_state WHERE revision > ? AND revision % ? = 0"
_PRUNE = "DELETE FROM removals WHERE revision <= ?"
_SET_COMPLETE_FROM = "UPDATE journal_state SET complete_from = greatest(complete_from, ?)"


def log_change(database: Database, delta: Delta) -> None:
    """Log what a delta removes, and that gaps may have other neighbours. Call it in the transaction that stores it."""
    if not database.dialect.revision:
        return
    removals: list[tuple[object, object]] = [(position, None) for position in delta.vacated]
    removals += [(None, encode_id(key)) for key in delta.removed]
    if removals:
        database.executemany(_LOG_REMOVAL, removals)
    if delta.last_position is None:
        database.execute(_LOG_GAPS)
    found = database.execute(_NEXT_PRUNED, (KEPT_REVISIONS, KEPT_REVISIONS, _PRUNE_EVERY)).fetchone()
    if found is not None:
        database.execute(_PRUNE, found)
        database.execute(_SET_COMPLETE_FROM, found)


def add_to_event_count(database: Database, number: int) -> None:
    """Add to the number of stored events where that is kept. Call it in the transaction that stores or deletes them."""
    if number and (statement := database.dialect.add_event_count):
        database.execute(statement, (number,))


def log_gaps(database: Database) -> None:
    """Log that a gap was opened or closed."""
    if database.dialect.revision:
        database.execute(_LOG_GAPS)


def log_pending(database: Database) -> None:
    """Log that other checkpoints are pending."""
    if database.dialect.revision:
        database.execute(_LOG_PENDING)


def require_reload(database: Database) -> None:
    """Log that more has changed than the log tells: viewers read everything again."""
    if database.dialect.revision:
        database.execute(_REQUIRE_RELOAD)
