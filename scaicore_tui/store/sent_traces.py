"""The journal's record of the runs that were sent to receivers of traces, so that each is sent once.

The table is only created by a recording that sends traces. Older versions leave it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from msgspec import Struct

from scaicore_tui.store.journal import Journal
from scaicore_tui.store.stored_ids import decode_id, encode_id


class Sent(IntEnum):
    """The outcome for a run. The numbers are stored: never change their meaning."""

    BEFORE = 0  # it was over before the receiver was first used
    ACCEPTED = 1
    REFUSED = 2


class SentRun(Struct, frozen=True):
    """A run that needs no sending; it had `event_count` events then."""

    outcome: Sent
    event_count: int


# A row without a run says that the receiver was used before.
_KNOWN = "INSERT INTO main.sent_traces VALUES (?, '', 0, 0) ON CONFLICT DO NOTHING"
_MARK_ALL = """
INSERT INTO main.sent_traces
SELECT ?, execution_id, ?, event_count FROM main.runs WHERE status IN ('completed', 'failed') ON CONFLICT DO NOTHING
"""
_FORGET_DELETED = """
DELETE FROM main.sent_traces WHERE execution_id != ''
AND NOT EXISTS (SELECT 1 FROM main.runs WHERE runs.execution_id = sent_traces.execution_id)
"""
_UNSENT = """
SELECT execution_id FROM main.runs WHERE status IN ('completed', 'failed') AND NOT EXISTS
(SELECT 1 FROM main.sent_traces AS sent WHERE sent.receiver = ? AND sent.execution_id = runs.execution_id)
ORDER BY place LIMIT ?
"""
_FIND = "SELECT outcome, event_count FROM main.sent_traces WHERE receiver = ? AND execution_id = ?"
_PUT = """INSERT INTO main.sent_traces (receiver, execution_id, outcome, event_count) VALUES (?, ?, ?, ?)
ON CONFLICT (receiver, execution_id) DO UPDATE SET outcome = excluded.outcome, event_count = excluded.event_count"""


class SentTraces:
    """The runs sent to `receiver`, an identifier of its address. Everything blocks; raises StorageError."""

    def __init__(self, journal: Journal, receiver: str) -> None:
        self._journal = journal
        self._receiver = receiver

    def begin(self) -> int:
        """Prepare the table. If the receiver is new, mark the runs that are over already; return how many these are."""
        with self._journal.transaction() as database:
            if create := database.dialect.sent_traces_table:
                database.execute(create)
            database.execute(_FORGET_DELETED)
            if not database.execute(_KNOWN, (self._receiver,)).rowcount:
                return 0
            return database.execute(_MARK_ALL, (self._receiver, int(Sent.BEFORE))).rowcount

    def unsent(self, limit: int) -> Sequence[str]:
        """Return the oldest runs that are over and not marked."""
        return [decode_id(key) for (key,) in self._journal.query(_UNSENT, self._receiver, limit)]

    def find(self, execution_id: str) -> SentRun | None:
        """Return what is known of a run; None if it was not sent."""
        found = self._journal.query(_FIND, self._receiver, encode_id(execution_id))
        return SentRun(Sent(found[0][0]), found[0][1]) if found else None

    def put(self, execution_id: str, sent: SentRun) -> None:
        """Mark a run."""
        with self._journal.transaction() as database:
            row = (self._receiver, encode_id(execution_id), int(sent.outcome), sent.event_count)
            database.execute(_PUT, row)
