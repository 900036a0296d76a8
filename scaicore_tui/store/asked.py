"""The journal's table of all checkpoints that were ever pending at a poll.

When they were closed, the events of their runs tell: no time of a poll enters the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scaicore_tui.analysis.statistics.answers import Asked, asked_of
from scaicore_tui.analysis.statistics.tally import DAY_MICROS
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.store.engine import Database
from scaicore_tui.store.node_days import MAX_DAYS
from scaicore_tui.store.stored_ids import decode_id, encode_id

MIGRATION = """
CREATE TABLE asked (
    id PRIMARY KEY,
    core_id,
    execution_id,
    checkpoint_type NOT NULL,
    assignee NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE INDEX asked_created ON asked (created_at);
"""
# A checkpoint may get another assignee or deadline.
_COLUMNS = "id, core_id, execution_id, checkpoint_type, assignee, created_at, expires_at"
_UPDATES = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", ") if column != "id")
_PUT = f"""INSERT INTO main.asked ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET {_UPDATES}"""  # noqa: S608  (constants)
_FORGET_OLD = "DELETE FROM main.asked WHERE created_at < (SELECT max(created_at) FROM main.asked) - ?"
# A condition on the Core may be added.
READ_ASKED = "SELECT * FROM main.asked WHERE created_at >= ? {} ORDER BY created_at"
_MAX_NAME_CHARS = 200


def remember_asked(database: Database, checkpoints: Iterable[Checkpoint]) -> None:
    """Store pending checkpoints. Call it in a transaction."""
    rows = [asked for asked in map(asked_of, checkpoints) if asked is not None]
    database.executemany(
        _PUT,
        [
            (
                encode_id(row.id),
                encode_id(row.core_id),
                encode_id(row.execution_id),
                encode_id(row.checkpoint_type[:_MAX_NAME_CHARS]),
                encode_id(row.assignee[:_MAX_NAME_CHARS]),
                row.created_at,
                row.expires_at,
            )
            for row in rows
        ],
    )
    database.execute(_FORGET_OLD, (MAX_DAYS * DAY_MICROS,))


def read_asked(row: tuple[Any, ...]) -> Asked:
    """Return the checkpoint in a row of READ_ASKED."""
    *texts, created_at, expires_at = row
    identity, core_id, execution_id, kind, assignee = (None if text is None else decode_id(text) for text in texts)
    return Asked(identity or "", core_id, execution_id, kind or "", assignee or "", created_at, expires_at)
