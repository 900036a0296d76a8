"""The feed's table: it grows at its end, and nothing in it ever changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from scaicore_tui.grid.store.database import Database, to_json
from scaicore_tui.grid.store.records import Event


class EventTable:
    """Appends events and reads them newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, core_id: str, timestamp: str, payload: Mapping[str, Any]) -> None:
        self._database.run(
            "INSERT INTO events (type, core_id, timestamp, payload) VALUES (?, ?, ?, ?)",
            kind,
            core_id,
            timestamp,
            to_json(payload),
        )

    def page(self, core_id: str | None, before: int, limit: int) -> list[tuple[int, Event]]:
        """At most `limit` events older than the position `before`, newest first, each with its position."""
        one_core = "core_id = ? AND" if core_id is not None else ""
        values = [core_id, before, limit] if core_id is not None else [before, limit]
        rows = self._database.all(
            f"SELECT * FROM events WHERE {one_core} position < ? ORDER BY position DESC LIMIT ?",  # noqa: S608 -- constants
            values,
        )
        return [(row["position"], _event(row)) for row in rows]

    def everything(self) -> list[Event]:
        """All events, oldest first."""
        return [_event(row) for row in self._database.all("SELECT * FROM events ORDER BY position")]


def _event(row: sqlite3.Row) -> Event:
    return Event(
        type=row["type"], core_id=row["core_id"], timestamp=row["timestamp"], payload=json.loads(row["payload"])
    )
