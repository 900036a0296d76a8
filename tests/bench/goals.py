"""The limits that the program is to keep: each is a ratio to something measured in the same run, or a count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tests.bench.registry import Row

BARE = "a Textual app with one table"
OWN_P50 = "its own p50"


@dataclass(frozen=True)
class Limit:
    """The largest ratio to `reference_name`, or the smallest one if `is_minimum`; a count without a reference."""

    name: str
    target: float
    reference_name: str = ""
    is_minimum: bool = False


class Goal(Enum):
    """Every goal. The benchmark prints a row for each, or why that was not measured."""

    INGEST = Limit(
        "json.loads alone, share of journal + reduce", 0.40, "journal + reduce, the same pages", is_minimum=True
    )
    LINES = Limit("JSON lines, indexed and folded", 0.8, "lnav")
    START = Limit("start to the first run, live server", 1.4, BARE)
    OPEN = Limit("open a journal", 1.4, BARE)
    KEY_FEW = Limit("cursor key, few runs: first byte, p50", 1.0, f"{BARE}, its cursor key")
    KEY_FEW_P99 = Limit("cursor key, few runs: first byte, p99", 2.0, OWN_P50)
    KEY_MANY = Limit("cursor key, many runs: first byte, p50", 1.0, f"{BARE}, its cursor key")
    KEY_MANY_P99 = Limit("cursor key, many runs: first byte, p99", 2.0, OWN_P50)
    KEY_SIZES = Limit("cursor key: many runs compared with few", 1.1, "few runs, p50")
    KEY_FOLDING = Limit("cursor key while summaries are rebuilt: moved, p99", 2.0, "few runs at rest: moved, p50")
    IDLE = Limit("idle, live server: processor", 1.5, "a Textual app with a clock that ticks as often")
    MEMORY_FRESH = Limit("memory, fresh", 1.4, BARE)
    MEMORY_EVENTS = Limit("memory, many events", 2.2, BARE)
    MEMORY_RUNS = Limit("memory, many runs listed", 2.2, BARE)
    STALL = Limit("longest stall of the loop, events arriving", 10.0, "an empty loop's longest stall")
    DAY = Limit("… grown by day, writes included", 65_536)
    NODE_BYTES = Limit("one node changed: bytes", 500)
    KEY_BYTES = Limit("cursor key: bytes", 400)
    REST_BYTES = Limit("cursor key, then a pause (shows nodes): bytes", 400)
    RUN_BYTES_FEW = Limit("run screen, few visits: cursor key, bytes", 400)
    RUN_BYTES_MANY = Limit("run screen, many visits: cursor key, bytes", 400)
    RUN_KEY_FEW = Limit("run screen, few visits: first byte, p50", 1.0, f"{BARE}, its cursor key")
    RUN_KEY_MANY = Limit("run screen, many visits: first byte, p50", 1.0, f"{BARE}, its cursor key")

    def row(self, value: float, unit: str, reference: float | None = None, note: str = "") -> Row:
        """Return the row of this goal with a measured value, and what that is compared with."""
        limit = self.value
        return Row(
            limit.name,
            value,
            unit,
            limit.target,
            limit.is_minimum,
            reference,
            limit.reference_name,
            note,
            goal=self.name,
        )

    def without_value(self, note: str) -> Row:
        """Return the row of this goal when nothing could be measured; `note` says why."""
        limit = self.value
        return Row(
            limit.name,
            target=limit.target,
            is_minimum=limit.is_minimum,
            reference_name=limit.reference_name,
            note=note,
            goal=self.name,
        )
