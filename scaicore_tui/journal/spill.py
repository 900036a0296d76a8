"""What a disk that is full or read-only does not take: kept in memory, read with the rest, and written when it can be.

SQLite looks for a name in its temporary schema first. There `events` is the file's and those kept, of which new ones go
to the latter; `gaps` and `holes`, of which there are few, are copies.
"""

from __future__ import annotations

from collections.abc import Mapping

from scaicore_tui.errors import StorageError
from scaicore_tui.journal.failures import IN_MEMORY
from scaicore_tui.journal.store import Journal
from scaicore_tui.journal.summaries import Summaries
from scaicore_tui.runs import Summary

_BEGIN = (
    "CREATE TEMP TABLE spilled (pos INTEGER PRIMARY KEY, at, execution_id, raw)",
    "CREATE INDEX temp.spilled_execution ON spilled (execution_id, pos)",
    "CREATE TEMP VIEW events AS SELECT * FROM main.events UNION ALL SELECT * FROM spilled",
    """CREATE TEMP TRIGGER spill INSTEAD OF INSERT ON events
    BEGIN INSERT INTO spilled VALUES (NEW.pos, NEW.at, NEW.execution_id, NEW.raw); END""",
    "CREATE TEMP TABLE gaps (after_pos INTEGER PRIMARY KEY, found_at, reason)",
    "INSERT INTO temp.gaps SELECT * FROM main.gaps",
    "CREATE TEMP TABLE holes (after_pos INTEGER PRIMARY KEY, until_pos, found_at, cursor)",
    "INSERT INTO temp.holes SELECT * FROM main.holes",
)
_MOVE = (
    "INSERT INTO main.events SELECT * FROM temp.spilled ORDER BY pos",
    "DELETE FROM main.gaps",
    "INSERT INTO main.gaps SELECT * FROM temp.gaps",
    "DELETE FROM main.holes",
    "INSERT INTO main.holes SELECT * FROM temp.holes",
)
_END = ("DROP VIEW temp.events", "DROP TABLE temp.spilled", "DROP TABLE temp.gaps", "DROP TABLE temp.holes")


PATIENCE = 8


class Spill:
    """Of one journal, whose `trouble` says what keeps events in memory."""

    def __init__(self, journal: Journal, summaries: Summaries) -> None:
        self._journal = journal
        self._summaries = summaries
        self._kept: dict[str, Summary] = {}
        self._writes = 0

    def begin(self, error: StorageError) -> None:
        """The file took nothing more."""
        if self._journal.is_spilling:
            raise error
        self._journal.spill(_BEGIN, begin=True)
        if not self._journal.is_gone:
            self._journal.trouble = f"{error.message} · {IN_MEMORY}"

    def put(self, summaries: Mapping[str, Summary]) -> None:
        """Store summaries, or keep them until they can be."""
        if self._journal.is_spilling:
            self._kept |= summaries
        else:
            self._summaries.put(summaries.values())

    def try_again(self) -> None:
        """Write what was kept, if the file takes it now: once in a while, as all of it is written in one go."""
        self._writes += 1
        if not self._writes % PATIENCE:
            self.save()

    def save(self) -> None:
        """Write what was kept, if the file takes it now. What is written to a file that is gone would be lost."""
        if not self._journal.is_spilling or self._journal.is_gone:
            return
        try:
            with self._journal.writing() as database:
                for step in _MOVE:
                    database.execute(step)
                self._summaries.put(self._kept.values())
        except StorageError:
            return
        self._journal.spill(_END, begin=False)
        self._journal.trouble = ""
        self._kept = {}
