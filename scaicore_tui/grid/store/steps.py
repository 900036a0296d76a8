"""The steps that each run has taken: what lets a suspended run be walked again without doing anything twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from scaicore_tui.grid.store.database import Database, to_json


@dataclass(frozen=True)
class Step:
    """One visit of one node at one `path`; `state` is `entered`, `exited`, `failed` or `noted`."""

    path: str
    state: str
    value: Any


class StepTable:
    """Remembers the last state of each step, in the order in which they reached it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, execution_id: str, step: Step) -> None:
        self._database.run(
            "INSERT OR REPLACE INTO steps (execution_id, path, state, value) VALUES (?, ?, ?, ?)",
            execution_id,
            step.path,
            step.state,
            to_json(step.value),
        )

    def of(self, execution_id: str) -> list[Step]:
        rows = self._database.all("SELECT * FROM steps WHERE execution_id = ? ORDER BY position", [execution_id])
        return [Step(row["path"], row["state"], json.loads(row["value"])) for row in rows]
