"""The runs' table: what was asked of each, and how it stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from scaicore_tui.grid.store.database import Database, to_json
from scaicore_tui.grid.store.records import Execution


class ExecutionTable:
    """Adds executions, moves them from state to state, and finds them again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, execution: Execution) -> None:
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
        self._database.run("UPDATE executions SET status = ? WHERE id = ?", status, execution_id)

    def complete(self, execution_id: str, output: Any) -> None:
        self._database.run(
            "UPDATE executions SET status = 'completed', output = ? WHERE id = ?", to_json(output), execution_id
        )

    def fail(self, execution_id: str, error: Mapping[str, Any]) -> None:
        self._database.run(
            "UPDATE executions SET status = 'failed', error = ? WHERE id = ?", to_json(error), execution_id
        )

    def find(self, execution_id: str) -> Execution | None:
        row = self._database.one("SELECT * FROM executions WHERE id = ?", execution_id)
        return None if row is None else _execution(row)

    def roots(self, *statuses: str) -> list[Execution]:
        """The runs that no other run started, in one of `statuses`, oldest first."""
        rows = self._database.all(
            "SELECT * FROM executions WHERE id = root_id AND status IN (SELECT value FROM json_each(?))"
            " ORDER BY position",
            [to_json(statuses)],
        )
        return [_execution(row) for row in rows]

    def unfinished_of(self, root_id: str) -> list[Execution]:
        """The root itself and the sub-flows' runs under it that have not ended, innermost first."""
        rows = self._database.all(
            "SELECT * FROM executions WHERE root_id = ? AND status IN ('running', 'suspended') ORDER BY position DESC",
            [root_id],
        )
        return [_execution(row) for row in rows]

    def count_roots(self, core_id: str | None = None) -> int:
        """How many runs of a Core (of all) were started from outside."""
        row = self._database.one(
            "SELECT count(*) AS n FROM executions WHERE id = root_id AND (?1 IS NULL OR core_id = ?1)", core_id
        )
        return int(row["n"]) if row is not None else 0

    def everything(self) -> list[Execution]:
        """All executions, oldest first."""
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
