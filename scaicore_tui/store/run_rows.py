"""The rows of the journal's table of runs: the summary of a run, and the columns by which it is found and ordered."""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import Any

from scaicore_tui.analysis.error_groups import error_group_key
from scaicore_tui.runs import Summary
from scaicore_tui.runs.model import NULL_DIGEST
from scaicore_tui.runs.select import text_without_status
from scaicore_tui.runs.summary import decode_summary, encode_summary, status_of
from scaicore_tui.store.stored_ids import encode_id

_COLUMNS = (
    "place, execution_id, summary, status, core_id, started_at, ended_at, changed_at, duration_ms, failed_node,"
    " error_group, input_digest, event_count, search_text"
)
_MARKS = ", ".join("?" * len(_COLUMNS.split(", ")))
_UPDATES = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", ") if column != "execution_id")
PUT_IN_MEMORY = f"INSERT OR REPLACE INTO temp.unsaved_runs ({_COLUMNS}, is_counted) VALUES ({_MARKS}, 1)"  # noqa: S608  (constants)
_PUT_UNCOUNTED = f"INSERT INTO runs ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608  (constants)


INTEGER_BITS = 63


@cache
def put_statement(revision: str, *, is_live: bool) -> str:
    """Return the statement that stores a row in the transaction that counts the visits of its run (see `node_days`).

    `revision` is an expression with which the changed row is marked; empty for none. `is_live`: it has new events.
    """
    marks = {"revision": revision, **({"live_revision": revision} if is_live else {})} if revision else {}
    names, values = "".join(f", {name}" for name in marks), "".join(f", {value}" for value in marks.values())
    updates = "".join(f", {name} = excluded.{name}" for name in marks)
    return f"""INSERT INTO main.runs ({_COLUMNS}, is_counted{names}) VALUES ({_MARKS}, 1{values})
ON CONFLICT (execution_id) DO UPDATE SET {_UPDATES}, is_counted = 1{updates}"""  # noqa: S608  (constants)


def run_row(summary: Summary) -> tuple[Any, ...]:
    """Return the values of the columns of a run, in the order of the table."""
    return (
        summary.position,
        encode_id(summary.execution_id),
        encode_summary(summary),
        status_of(summary).value,
        encode_id(summary.core_id),
        _as_integer(summary.began_at),
        _as_integer(summary.ended_at),
        _as_integer(summary.last_event_at),
        summary.duration_ms,
        encode_id(summary.failed_node),
        encode_id(error_group_key(summary)),
        None if summary.input_digest == NULL_DIGEST else summary.input_digest,
        summary.event_count,
        text_without_status(summary).encode("utf-8", "replace").decode(),
    )


def _as_integer(at: int | None) -> int | None:
    """Return a time; None if SQLite can't store it, as it has more than 64 bits."""
    return at if at is not None and at.bit_length() < INTEGER_BITS else None


def add_columns(database: sqlite3.Connection) -> None:
    """Fill the table of runs from that of a version without columns. Runs whose summary can't be read are missing then.

    Takes about 15 microseconds a run, once.
    """
    for (source,) in database.execute("SELECT summary FROM former_runs"):
        try:
            row = run_row(decode_summary(source))
        except (ValueError, TypeError):
            database.execute("UPDATE folding SET folded = 0")
        else:
            database.execute(_PUT_UNCOUNTED, row)
