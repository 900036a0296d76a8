"""The checkpoints' table: who waits for an answer, and what was answered."""

from __future__ import annotations

import json
import sqlite3

from scaicore_tui.grid.store.database import Database, to_json
from scaicore_tui.grid.store.records import Checkpoint


class CheckpointTable:
    """Adds checkpoints, records their end, and reads them newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, checkpoint: Checkpoint) -> None:
        self._database.run(
            "INSERT INTO checkpoints (id, core_id, execution_id, status, created_at, expires_at, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            checkpoint.id,
            checkpoint.core_id,
            checkpoint.execution_id,
            checkpoint.status,
            checkpoint.created_at,
            checkpoint.expires_at,
            to_json(checkpoint.body),
        )

    def settle(self, checkpoint: Checkpoint) -> None:
        """Record the end of a checkpoint: its new status and body."""
        self._database.run(
            "UPDATE checkpoints SET status = ?, body = ? WHERE id = ?",
            checkpoint.status,
            to_json(checkpoint.body),
            checkpoint.id,
        )

    def cancel_of(self, execution_id: str) -> None:
        """Nobody has to answer for a run that is no more."""
        self._database.run(
            "UPDATE checkpoints SET status = 'cancelled' WHERE execution_id = ? AND status = 'pending'", execution_id
        )

    def find(self, checkpoint_id: str) -> Checkpoint | None:
        row = self._database.one("SELECT * FROM checkpoints WHERE id = ?", checkpoint_id)
        return None if row is None else _checkpoint(row)

    def pending(self) -> list[Checkpoint]:
        """Everything that waits, newest first."""
        rows = self._database.all("SELECT * FROM checkpoints WHERE status = 'pending' ORDER BY position DESC")
        return [_checkpoint(row) for row in rows]

    def pending_under(self, root_id: str) -> Checkpoint | None:
        """The newest checkpoint that a run, or a sub-flow of it, waits for."""
        row = self._database.one(
            "SELECT c.* FROM checkpoints c JOIN executions e ON e.id = c.execution_id"
            " WHERE e.root_id = ? AND c.status = 'pending' ORDER BY c.position DESC",
            root_id,
        )
        return None if row is None else _checkpoint(row)

    def page(self, core_id: str | None, status: str, before: int, limit: int) -> list[tuple[int, Checkpoint]]:
        """At most `limit` checkpoints older than the position `before`, newest first, each with its position."""
        rows = self._database.all(
            "SELECT * FROM checkpoints WHERE status = ?1 AND (?2 IS NULL OR core_id = ?2) AND position < ?3"
            " ORDER BY position DESC LIMIT ?4",
            [status, core_id, before, limit],
        )
        return [(row["position"], _checkpoint(row)) for row in rows]

    def everything(self) -> list[Checkpoint]:
        """All checkpoints, oldest first."""
        return [_checkpoint(row) for row in self._database.all("SELECT * FROM checkpoints ORDER BY position")]


def _checkpoint(row: sqlite3.Row) -> Checkpoint:
    return Checkpoint(
        id=row["id"],
        core_id=row["core_id"],
        execution_id=row["execution_id"],
        status=row["status"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        body=json.loads(row["body"]),
    )
