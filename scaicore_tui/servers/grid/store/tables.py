"""The store: its tables of events, executions, steps and checkpoints, and transactions across them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from scaicore_tui.servers.grid.store.database import Database, to_json
from scaicore_tui.servers.grid.store.records import Checkpoint, Event, Execution, Positioned, Step


class CheckpointTable:
    """Adds checkpoints, records their end, and reads them newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint."""
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

    def close(self, checkpoint: Checkpoint) -> None:
        """Record the end of a checkpoint: its new status and body."""
        self._database.run(
            "UPDATE checkpoints SET status = ?, body = ? WHERE id = ?",
            checkpoint.status,
            to_json(checkpoint.body),
            checkpoint.id,
        )

    def cancel_for(self, execution_id: str) -> None:
        """Cancel the pending checkpoints of an execution that has failed."""
        self._database.run(
            "UPDATE checkpoints SET status = 'cancelled' WHERE execution_id = ? AND status = 'pending'", execution_id
        )

    def find(self, checkpoint_id: str) -> Checkpoint | None:
        """Return a checkpoint; None if there is none with this id."""
        row = self._database.one("SELECT * FROM checkpoints WHERE id = ?", checkpoint_id)
        return None if row is None else _checkpoint(row)

    def pending(self) -> list[Checkpoint]:
        """Return all pending checkpoints, newest first."""
        rows = self._database.all("SELECT * FROM checkpoints WHERE status = 'pending' ORDER BY position DESC")
        return [_checkpoint(row) for row in rows]

    def pending_under(self, root_id: str) -> Checkpoint | None:
        """Return the newest pending checkpoint of a run or of its sub-flows."""
        row = self._database.one(
            "SELECT c.* FROM checkpoints c JOIN executions e ON e.id = c.execution_id"
            " WHERE e.root_id = ? AND c.status = 'pending' ORDER BY c.position DESC",
            root_id,
        )
        return None if row is None else _checkpoint(row)

    def page(self, core_id: str | None, status: str, before: int, limit: int) -> list[Positioned[Checkpoint]]:
        """Return at most `limit` checkpoints older than the position `before`, newest first."""
        rows = self._database.all(
            "SELECT * FROM checkpoints WHERE status = ?1 AND (?2 IS NULL OR core_id = ?2) AND position < ?3"
            " ORDER BY position DESC LIMIT ?4",
            [status, core_id, before, limit],
        )
        return [Positioned(row["position"], _checkpoint(row)) for row in rows]

    def all(self) -> list[Checkpoint]:
        """Return all checkpoints, oldest first."""
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


class EventTable:
    """Appends events and reads them newest first. Events never change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, core_id: str, timestamp: str, payload: Mapping[str, Any]) -> None:
        """Append an event."""
        self._database.run(
            "INSERT INTO events (type, core_id, timestamp, payload) VALUES (?, ?, ?, ?)",
            kind,
            core_id,
            timestamp,
            to_json(payload),
        )

    def page(self, core_id: str | None, before: int, limit: int) -> list[Positioned[Event]]:
        """Return at most `limit` events older than the position `before`, newest first."""
        one_core = "core_id = ? AND" if core_id is not None else ""
        values = [core_id, before, limit] if core_id is not None else [before, limit]
        rows = self._database.all(
            f"SELECT * FROM events WHERE {one_core} position < ? ORDER BY position DESC LIMIT ?",  # noqa: S608 -- constants
            values,
        )
        return [Positioned(row["position"], _event(row)) for row in rows]

    def all(self) -> list[Event]:
        """Return all events, oldest first."""
        return [_event(row) for row in self._database.all("SELECT * FROM events ORDER BY position")]


def _event(row: sqlite3.Row) -> Event:
    return Event(
        type=row["type"], core_id=row["core_id"], timestamp=row["timestamp"], payload=json.loads(row["payload"])
    )


class ExecutionTable:
    """Adds executions, changes their status, and finds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, execution: Execution) -> None:
        """Add an execution."""
        self._database.run(
            "INSERT INTO executions (id, core_id, root_id, origin, entry, status, started_at, instance_key, input,"
            " output, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            execution.id,
            execution.core_id,
            execution.root_id,
            execution.origin,
            execution.entry,
            execution.status,
            execution.started_at,
            to_json(execution.instance_key),
            to_json(execution.input),
            to_json(execution.output),
            to_json(execution.error),
        )

    def set_status(self, execution_id: str, status: str) -> None:
        """Set the status of an execution that has not ended."""
        self._database.run("UPDATE executions SET status = ? WHERE id = ?", status, execution_id)

    def complete(self, execution_id: str, output: Any) -> None:
        """Record the output of an execution."""
        self._database.run(
            "UPDATE executions SET status = 'completed', output = ? WHERE id = ?", to_json(output), execution_id
        )

    def fail(self, execution_id: str, error: Mapping[str, Any]) -> None:
        """Record the error of an execution."""
        self._database.run(
            "UPDATE executions SET status = 'failed', error = ? WHERE id = ?", to_json(error), execution_id
        )

    def find(self, execution_id: str) -> Execution | None:
        """Return an execution; None if there is none with this id."""
        row = self._database.one("SELECT * FROM executions WHERE id = ?", execution_id)
        return None if row is None else _execution(row)

    def roots(self, *statuses: str) -> list[Execution]:
        """Return the runs that were started from outside and have one of `statuses`, oldest first."""
        rows = self._database.all(
            "SELECT * FROM executions WHERE id = root_id AND status IN (SELECT value FROM json_each(?))"
            " ORDER BY position",
            [to_json(statuses)],
        )
        return [_execution(row) for row in rows]

    def unfinished_of(self, root_id: str) -> list[Execution]:
        """Return the unfinished runs of a root: itself and its sub-flows, innermost first."""
        rows = self._database.all(
            "SELECT * FROM executions WHERE root_id = ? AND status IN ('running', 'suspended') ORDER BY position DESC",
            [root_id],
        )
        return [_execution(row) for row in rows]

    def count_roots(self, core_id: str | None = None) -> int:
        """Return how many runs of a Core, or of all, were started from outside."""
        row = self._database.one(
            "SELECT count(*) AS n FROM executions WHERE id = root_id AND (?1 IS NULL OR core_id = ?1)", core_id
        )
        return int(row["n"]) if row is not None else 0

    def all(self) -> list[Execution]:
        """Return all executions, oldest first."""
        return [_execution(row) for row in self._database.all("SELECT * FROM executions ORDER BY position")]


def _execution(row: sqlite3.Row) -> Execution:
    return Execution(
        id=row["id"],
        core_id=row["core_id"],
        root_id=row["root_id"],
        origin=row["origin"],
        entry=row["entry"],
        status=row["status"],
        started_at=row["started_at"],
        instance_key=json.loads(row["instance_key"]),
        input=json.loads(row["input"]),
        output=json.loads(row["output"]),
        error=json.loads(row["error"]),
    )


class StepTable:
    """Keeps the last state of each step, in the order in which steps reached it.

    This is what lets a suspended run be executed again without doing anything twice.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, execution_id: str, step: Step) -> None:
        """Record the latest state of a step."""
        self._database.run(
            "INSERT OR REPLACE INTO steps (execution_id, path, state, value) VALUES (?, ?, ?, ?)",
            execution_id,
            step.path,
            step.state,
            to_json(step.value),
        )

    def of_execution(self, execution_id: str) -> list[Step]:
        """Return the steps of an execution, in the order in which they reached their last state."""
        rows = self._database.all("SELECT * FROM steps WHERE execution_id = ? ORDER BY position", [execution_id])
        return [Step(row["path"], row["state"], json.loads(row["value"])) for row in rows]


class Store:
    """The grid's storage: one attribute for each table."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path)
        self.event_table = EventTable(self._database)
        self.execution_table = ExecutionTable(self._database)
        self.step_table = StepTable(self._database)
        self.checkpoint_table = CheckpointTable(self._database)
        self.identity = self._database.identity()

    def transaction(self) -> AbstractContextManager[None]:
        """Commit everything or nothing; may be nested. Never await inside."""
        return self._database.transaction()

    def events(self) -> list[Event]:
        """Return the whole feed, oldest first."""
        return self.event_table.all()

    def executions(self) -> list[Execution]:
        """Return every run, oldest first, including those of sub-flows."""
        return self.execution_table.all()

    def checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint, oldest first."""
        return self.checkpoint_table.all()

    def close(self) -> None:
        """Close the database."""
        self._database.close()
